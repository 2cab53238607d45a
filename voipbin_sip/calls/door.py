"""Who is told of what is decided at the door: of INVITEs before they are calls, and of REGISTERs."""

from __future__ import annotations

from typing import Protocol

from voipbin_sip.calls.verdict import Turned
from voipbin_sip.registrar.registrar import Answer
from voipbin_sip.sip.events import Hop, Refused
from voipbin_sip.sip.message import Request


class DoorWatcher(Protocol):
    """Wants to know. Told after the answer was given; must not wait, and takes the same work for every caller."""

    def call_admitted(self, request: Request, hop: Hop) -> None:
        """Take an INVITE that has become a call."""
        ...

    def call_turned(self, request: Request, hop: Hop, turned: Turned) -> None:
        """Take an INVITE that was refused or challenged by the gate, or for which the server has no room."""
        ...

    def registration_answered(self, request: Request, hop: Hop, answer: Answer) -> None:
        """Take a REGISTER with its answer, whatever that was."""
        ...

    def request_refused(self, event: Refused) -> None:
        """Take what the SIP core has refused before anybody was asked."""
        ...


class Unwatched:
    """Nobody wants to know."""

    def call_admitted(self, request: Request, hop: Hop) -> None:
        """Take an INVITE."""

    def call_turned(self, request: Request, hop: Hop, turned: Turned) -> None:
        """Take an INVITE."""

    def registration_answered(self, request: Request, hop: Hop, answer: Answer) -> None:
        """Take a REGISTER."""

    def request_refused(self, event: Refused) -> None:
        """Take a refused request."""
