"""What the interpreter asks of the world, as Protocols; the server, the tests, the simulator implement them.

Every coroutine here may be cancelled at any moment (the call ended, the run was stopped) and then leaves
nothing behind: a cancelled `say` stops its sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol


class StepFailed(Exception):  # noqa: N818 - reads as what happened to the step
    """A port could not do what a step asked; the message says why and what to do."""


class Played(Enum):
    """How a prompt ended."""

    FINISHED = "finished"
    DIGIT = "digit"  # the caller cut it


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a step was written."""

    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One executed step, for the trace of a run."""

    run_id: str
    number: int  # 1, 2, 3 … in the run
    flow: str
    step_id: str
    type: str
    origin: Origin | None
    started: datetime
    seconds: float
    outcome: str  # "done", "skipped", "failed", "ended"
    detail: str = ""  # the branch taken, why it was skipped …; never digits or texts of callers
    variables: Mapping[str, str] = field(default_factory=dict)  # changed by the step


class CallPort(Protocol):
    """One call leg as a flow sees it.

    Digits travel the other way: `Run.digit` is called for each, and not later than a sound that the digit cut
    returns. Steps that stop on a digit are cancelled by the run itself if they have not noticed it.
    """

    def status(self) -> str:
        """Return dialing, ringing, progressing, terminating, canceling or hangup."""
        ...

    async def answer(self) -> None:
        """Answer the call; returns at once if it is answered."""
        ...

    async def hang_up(self, reason: str) -> None:
        """End the call; reasons: normal, failed, busy, cancel, timeout, noanswer, dialout or amd."""
        ...

    async def say(
        self, text: str, *, language: str, provider: str, voice_id: str, stop_on_digit: bool
    ) -> Played:
        """Speak plain text or SSML to the caller; returns when it was heard. Raises StepFailed."""
        ...

    async def play(self, sources: Sequence[str], *, trusted: bool, stop_on_digit: bool = False) -> Played:
        """Play files or URLs in order; files only if `trusted` (a flow from YAML). Raises StepFailed."""
        ...

    async def beep(self) -> None:
        """Play the beep."""
        ...

    async def send_digits(self, digits: str, *, duration: int, interval: int) -> None:
        """Send digits to the caller; `duration` and `interval` in ms."""
        ...

    async def echo(self, seconds: float, *, stream: bool) -> None:
        """Return the caller's sound (with `stream` its packets, digits included) for a time."""
        ...

    async def await_media(self) -> None:
        """Make sure that the caller can be heard (early media if unanswered) before a step that listens."""
        ...


class Clock(Protocol):
    """Time, so that tests and the simulator need not wait."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def utc(self) -> datetime:
        """Return the wall clock, aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Trace(Protocol):
    """Where the steps of a run are written."""

    def step(self, record: StepRecord) -> None:
        """Take one finished step; must not raise and must not wait."""
        ...
