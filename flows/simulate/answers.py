"""What the world answers to a simulated flow: who picks up, what web servers say, how long rooms last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from flows.ports import Address, Conference, WebAnswer

Result = Literal["answered", "busy", "noanswer", "refused", "unreachable", "failed"]

USUAL_REASONS: dict[str, tuple[str, int]] = {
    "answered": ("", 200),
    "busy": ("486 Busy Here", 486),
    "noanswer": ("no answer", 480),
    "refused": ("603 Decline", 603),
    "unreachable": ("no phone is registered", 0),
    "failed": ("500 Server Internal Error", 500),
}
"""What the server usually says of each result, and the SIP status that came with it."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """What becomes of a `connect`."""

    result: Result = "answered"
    reason: str = ""  # empty: the usual one
    status: int = 0  # 0: the usual one
    rings: float | None = (
        None  # seconds until it is known; None: 3; from the step's dial_timeout on: no answer
    )
    talks: float = 30.0  # seconds together, where answered


class Answers(Protocol):
    """Asked when a flow wants something of the world; may ask a person and so take its time."""

    def dial(self, destinations: Sequence[Address], dial_timeout: float) -> Dialled:
        """Return how a `connect` to these goes."""
        ...

    def web(self, method: str, url: str, body: str) -> WebAnswer:
        """Return what a web server answers. Raises StepFailed where none does."""
        ...

    def room(self, room: str) -> float:
        """Return after how many seconds the caller is out of a room and still there."""
        ...

    def conference(self, name: str) -> Conference:
        """Return the conference with this name. Raises StepFailed where there is none."""
        ...


class Usual:
    """The usual answers: everybody picks up, every server says 200, every conference exists."""

    def dial(self, destinations: Sequence[Address], dial_timeout: float) -> Dialled:
        """Answered after three seconds, for half a minute."""
        return Dialled()

    def web(self, method: str, url: str, body: str) -> WebAnswer:
        """200, with an empty list."""
        return WebAnswer(200, "[]")

    def room(self, room: str) -> float:
        """A minute."""
        return 60.0

    def conference(self, name: str) -> Conference:
        """A room of the same name, without flows before or after it."""
        return Conference(name)
