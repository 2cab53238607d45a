"""A call that we place: it is dialled, rings, is answered or fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voipbin_sip.calls.call import Call
from voipbin_sip.calls.session import CallLimits, CallSession
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import Status
from voipbin_sip.sip.events import Answered, Ended, Hop, Progress
from voipbin_sip.transport.endpoint import Endpoint

ELSEWHERE = "Call completed elsewhere"  # RFC 3326: a phone that reads it does not list the call as missed


@dataclass(frozen=True, slots=True)
class Target:
    """Where an INVITE goes."""

    hop: Hop
    uri: str
    route: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    credentials: tuple[str, str] | None = None
    others: tuple[Hop, ...] = ()  # tried one after the other where the one before does not work
    transfers: bool = False  # who answers there may send the other side elsewhere (REFER)


class OutgoingSession(CallSession):
    """The caller side of an INVITE. `outcome` is True once it is answered, False once it failed."""

    def __init__(self, call: Call, endpoint: Endpoint, limits: CallLimits) -> None:
        super().__init__(call, endpoint, limits)
        self.rang: Callable[[Progress], None] = _nothing
        self.outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.failure = 0  # SIP status
        self.failure_reason = ""
        self.redirected: tuple[str, ...] = ()  # URIs of a 3xx, best first
        self.has_rung = False

    def dial(self, sound: LegSound, target: Target, *, from_: str) -> None:
        """Send the INVITE; `from_` is a name-addr without tag."""
        self.sound = sound
        core = self._endpoint.core
        self.call.leg = core.invite(
            self._endpoint.now(),
            hop=target.hop,
            uri=target.uri,
            from_=from_,
            sdp=sound.offer(),
            headers=target.headers,
            route=target.route,
            credentials=target.credentials,
            max_forwards=self.call.max_forwards,
        )

    def progressed(self, event: Progress) -> None:
        """It rings, perhaps with early media."""
        self.has_rung = True
        self.call.move(Status.RINGING)
        if event.sdp is not None:
            self._accept_answer(event.sdp, final=False)
        self.rang(event)

    def answered(self, event: Answered) -> None:
        """The far side picked up."""
        if not self.call.move(Status.PROGRESSING):
            return  # we are hanging up; the core ends what was answered
        if event.sdp is not None:
            self._accept_answer(event.sdp, final=True)
        if not self.outcome.done():
            self.outcome.set_result(True)

    def ended(self, event: Ended) -> None:
        """The call is over or never came to be."""
        self.failure, self.failure_reason = event.status, event.reason
        self.redirected = event.contacts
        super().ended(event)
        if not self.outcome.done():
            self.outcome.set_result(False)

    def _ending_status(self, before: Status) -> Status:
        return Status.TERMINATING if before is Status.PROGRESSING else Status.CANCELING

    def _give_up(self, now: float, cause: int, why: str, status: int) -> None:
        self._endpoint.core.hang_up(now, self.call.leg, cause=cause, reason_text=why)


def _nothing(event: Progress) -> None:
    """Nobody listens."""
