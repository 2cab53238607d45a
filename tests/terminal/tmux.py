"""A real terminal for tests: a program in a window of tmux, typed into and read as an operator does.

Each terminal has a tmux server of its own, by a socket in a folder of its own; both end with it.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

TMUX = shutil.which("tmux")
needs_tmux = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")

_OURS = ("TMUX", "TMUX_PANE", "COLUMNS", "LINES", "NO_COLOR")  # of the terminal that the tests run in
_LOOK = 0.1  # s between two looks at the screen


class Terminal:
    """One window with one program in it; made by `start`, ended by `close` or as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def start(
        cls,
        command: Sequence[str | Path],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        *,
        size: tuple[int, int] = (120, 30),
    ) -> Terminal:
        """Run a command in a new terminal of `size` columns and lines; `env` is added to our environment.

        The last screen stays after the command has ended.
        """
        terminal = cls(Path(tempfile.mkdtemp(prefix="terminal-")))
        given = {name: value for name, value in os.environ.items() if name not in _OURS}
        given |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "SHELL": "/bin/sh", **(env or {})}
        columns, lines = size
        arguments = ["-f", os.devnull, "set-option", "-g", "remain-on-exit", "on", ";"]
        arguments += ["set-option", "-g", "history-limit", "5000", ";", "new-session", "-d"]
        arguments += ["-x", str(columns), "-y", str(lines), "-c", str(cwd or Path.cwd())]
        try:
            terminal._tmux(*arguments, *terminal._noting_the_end(command), env=given)
        except BaseException:
            terminal.close()
            raise
        return terminal

    def type(self, text: str) -> None:
        """Type a text as it stands."""
        self._tmux("send-keys", "-l", "--", text)

    def key(self, *names: str) -> None:
        """Press keys by tmux's names: Enter, Escape, Up, Down, Tab, BSpace, C-c, F1 …"""
        self._tmux("send-keys", *names)

    def resize(self, columns: int, lines: int) -> None:
        """Make the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self, *, past: bool = False, colours: bool = False) -> str:
        """Return what the window shows, a line each, without blanks at their ends.

        `past`: also the lines that have gone out at the top. `colours`: with the escape sequences of colours.
        """
        more = (["-S", "-"] if past else []) + (["-e"] if colours else [])
        return self._tmux("capture-pane", "-p", *more)

    def record(self) -> None:
        """Begin to keep what the program sends to the terminal, for `sent`."""
        self._sent.touch()
        self._tmux("pipe-pane", f"cat >> {shlex.quote(str(self._sent))}")

    def sent(self) -> bytes:
        """Return what the program has sent to the terminal since `record`, escape sequences and all."""
        return self._sent.read_bytes()

    async def shows(self, *texts: str, timeout: float = 15.0) -> str:
        """Wait until the window shows all of some texts, and return the screen. Raises AssertionError."""
        return await self._wait(lambda screen: [text for text in texts if text not in screen], "not", timeout)

    async def counts(self, text: str, times: int, timeout: float = 15.0) -> str:
        """Wait until the window shows a text so many times, and return the screen. Raises AssertionError."""
        wrong = [f"{text!r} {times} times"]
        return await self._wait(lambda screen: wrong if screen.count(text) != times else [], "not", timeout)

    async def hides(self, *texts: str, timeout: float = 15.0) -> str:
        """Wait until the window shows none of some texts, and return the screen. Raises AssertionError."""
        return await self._wait(lambda screen: [text for text in texts if text in screen], "still", timeout)

    async def _wait(self, wrong: Callable[[str], list[str]], how: str, timeout: float) -> str:
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        while True:
            screen = await asyncio.to_thread(self.screen)
            if not (found := wrong(screen)):
                return screen
            assert clock() < deadline, f"{found} {how} there after {timeout:.0f} s, on this screen:\n{screen}"
            await asyncio.sleep(_LOOK)

    async def ended(self, timeout: float = 15.0) -> int:
        """Wait until the command has ended; returns its exit status. Raises AssertionError."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        while not (status := self._status.read_text() if self._status.exists() else ""):
            assert clock() < deadline, f"not ended after {timeout:.0f} s:\n{self.screen()}"
            await asyncio.sleep(_LOOK)
        return int(status)

    def close(self) -> None:
        """End the terminal and what runs in it."""
        if self._socket.exists():
            subprocess.run([*self._command(), "kill-server"], capture_output=True, timeout=20, check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _socket(self) -> Path:
        return self._folder / "tmux"

    @property
    def _sent(self) -> Path:
        return self._folder / "sent"

    @property
    def _status(self) -> Path:
        return self._folder / "status"

    def _noting_the_end(self, command: Sequence[str | Path]) -> list[str]:
        """Return a command that writes its exit status into a file: tmux forgets some."""
        script = f'"$@"; echo $? > {shlex.quote(str(self._status))}'
        return ["sh", "-c", script, "sh", *[str(word) for word in command]]

    def _command(self) -> list[str]:
        return [TMUX or "tmux", "-S", str(self._socket)]

    def _tmux(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            [*self._command(), *arguments], env=env, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, f"tmux {' '.join(arguments)}: {done.stderr}"
        return done.stdout
