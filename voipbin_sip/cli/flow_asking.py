"""Asks the person at the terminal what the world answers to a simulated flow."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar, get_args

from flows.ports import Address, Conference, StepFailed, WebAnswer
from flows.simulate import Dialled
from flows.simulate.answers import Result
from flows.simulate.call import named
from flows.simulate.texts import seconds_in

with contextlib.suppress(
    ImportError
):  # it gives `input` a history and keys to edit with; not everywhere there
    import readline  # noqa: F401 - to be there is all it does

T = TypeVar("T")
RESULTS: tuple[Result, ...] = get_args(Result)


class Lines:
    """Lines from standard input, a terminal or a pipe. `ended`: no more will come."""

    def __init__(self) -> None:
        self.ended = False
        self.is_terminal = sys.stdin.isatty()

    def ask(self, question: str) -> str | None:
        """Return the next line; None where none comes any more."""
        if self.ended:
            return None
        if self.is_terminal:
            return self._typed(question)
        sys.stdout.write(question)
        line = sys.stdin.readline()
        self.ended = not line
        sys.stdout.write(line if line.endswith("\n") else f"{line}\n")
        return line.rstrip("\n") if line else None

    def _typed(self, question: str) -> str | None:
        try:
            return input(question)
        except EOFError:
            self.ended = True
            print()
            return None


class Asking:
    """Implements `flows.simulate.Answers`. Where a line is empty, the usual happens."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def dial(self, destinations: Sequence[Address], dial_timeout: float) -> Dialled:
        """Ask who answers, and how long they talk."""
        whom = ", ".join(map(named, destinations))
        usual: Result = "answered"
        result = self._ask(f"  {whom} ring: {'/'.join(RESULTS)} [answered] ", _result, usual)
        if result != "answered":
            return Dialled(result)
        return Dialled(result, talks=self._ask("  how long do they talk? [30s] ", seconds_in, 30.0))

    def web(self, method: str, url: str, body: str) -> WebAnswer:
        """Ask for status and body."""
        status = self._ask(f"  {method} {url}: status, or none [200] ", _status, 200)
        if status == 0:
            raise StepFailed("no answer came")
        text = self._lines.ask("  its body, in one line [[]] ")
        return WebAnswer(status, text or "[]")

    def room(self, room: str) -> float:
        """Ask how long the caller stays."""
        return self._ask(f"  how long does the caller stay in room {room}? [60s] ", seconds_in, 60.0)

    def conference(self, name: str) -> Conference:
        """Every conference exists."""
        return Conference(name)

    def _ask(self, question: str, read: Callable[[str], T], usual: T) -> T:
        while True:
            line = self._lines.ask(question)
            if line is None or not line.strip():
                return usual
            try:
                return read(line.strip())
            except ValueError as fault:
                print(f"  {fault}")


def _result(text: str) -> Result:
    for result in RESULTS:
        if result.startswith(text.lower()):
            return result
    raise ValueError(f"'{text[:40]}' is not one of {', '.join(RESULTS)}")


def _status(text: str) -> int:
    if text == "none":
        return 0
    if not text.isdecimal() or not 100 <= int(text) <= 599:
        raise ValueError(f"'{text[:40]}' is not an HTTP status, 100 to 599, nor none")
    return int(text)
