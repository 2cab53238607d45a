"""What a session knows of the two ways in which it can begin, without knowing those modules."""

from __future__ import annotations

from typing import Protocol

from voipbin_sip.sip.message import Request
from voipbin_sip.sip.sdp import SessionDescription


class Calling(Protocol):
    """What a session needs to know of the INVITE that it has sent (`caller.Caller`)."""

    is_heard: bool  # whether anything has come back

    def select(self, remote_tag: str) -> bool:
        """Make the early dialog with that tag the session's; return whether there is one."""
        ...

    def acknowledge(self, now: float, sdp: SessionDescription | None) -> bool:
        """Send the ACK that waits for our answer; return whether one did."""
        ...

    def give_up(self, now: float) -> None:
        """Cancel the INVITE, as soon as that is allowed."""
        ...


class Provisionals(Protocol):
    """What a session needs to know of provisional responses that want a PRACK (`reliable.Reliable`)."""

    def covers(self, sdp: SessionDescription | None) -> bool:
        """Return whether a response is to be a reliable one."""
        ...

    def send(self, now: float, status: int, sdp: SessionDescription | None) -> None:
        """Send a response, at once or when it is its turn."""
        ...

    def postpone(self, sdp: SessionDescription) -> bool:
        """Return whether the 200 has to wait for a PRACK; then it leaves with that."""
        ...

    @property
    def answering(self) -> bool:
        """Whether a 200 is waiting."""
        ...

    def take(self, request: Request) -> bool:
        """Take a PRACK; return whether it acknowledges what is open."""
        ...

    def pracked(self, now: float) -> SessionDescription | None:
        """Go on after a PRACK; return the description of the 200 that may leave now."""
        ...

    def stop(self) -> None:
        """Repeat nothing any more."""
        ...
