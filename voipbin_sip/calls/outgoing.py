"""A call that we place: it is dialled, rings, is answered or fails. It may take several attempts by several ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from voipbin_sip.calls.call import Address, Call
from voipbin_sip.calls.session import CallLimits, CallSession
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import CAUSE_OF_STATUS, Status
from voipbin_sip.sip.events import Answered, Ended, Hop, Progress
from voipbin_sip.sip.sdes import SrtpPolicy
from voipbin_sip.toll.guard import Permit
from voipbin_sip.transport.endpoint import Endpoint

ELSEWHERE = "Call completed elsewhere"  # RFC 3326: a phone that reads it does not list the call as missed
UNANSWERED = frozenset((Status.DIALING, Status.RINGING))
LAST_WORD = frozenset((403, 486, 487))  # and every 6xx: the callee has spoken, or nobody wants it any more
LAST_CAUSES = frozenset((16, 17, 19, 21, 26))  # the same in a Reason header, by Q.850 (RFC 3326)
NOT_ANSWERED = frozenset((408, 480))  # the last word of a phone that has rung


@dataclass(frozen=True, slots=True)
class Target:
    """Where an INVITE goes, and what it says."""

    uri: str
    hops: tuple[Hop, ...] = ()  # one after the other where the one before does not work; none: DNS tells
    from_: str = ""  # name-addr without tag
    route: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    credentials: tuple[str, str] | None = None
    codecs: tuple[str, ...] = ()  # offered; none: all that we have
    srtp: SrtpPolicy | None = None  # None: as the server is set
    outside: Address | None = None  # for calls that leave the server: what the toll guard is asked about
    provider: str = ""  # whose way it is
    extension: str = ""  # whose phone it is
    payer: str = ""  # who answers for what it costs, where that is not the caller: who has forwarded the call
    doubtful: bool = False  # worth a try, not worth waiting for
    transfers: bool = False  # who answers there may send the other side elsewhere (REFER)
    onward: tuple[Target, ...] = ()  # other ways to the same callee, one after the other where this one fails

    @property
    def peer(self) -> str:
        """Who is there, as payers are written."""
        if self.provider:
            return f"provider:{self.provider}"
        return f"extension:{self.extension}" if self.extension else ""

    def before(self, others: Sequence[Target]) -> Target:
        """Return this target with others that are tried where it fails."""
        return replace(self, onward=tuple(others))


class OutgoingSession(CallSession):
    """The caller side of a call, whose INVITE may be sent anew elsewhere while it is unanswered.

    `outcome` is of the present attempt: True once it is answered, False once it failed. A failed attempt is not the
    end of the call; that is `conclude`, or a hang-up.
    """

    def __init__(self, call: Call, endpoint: Endpoint, limits: CallLimits) -> None:
        super().__init__(call, endpoint, limits)
        self.rang: Callable[[Progress], None] = _nothing
        self.outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.failures: list[tuple[int, str]] = []  # SIP status and words for each attempt
        self.redirected: tuple[str, ...] = ()  # URIs of a 3xx, best first
        self.has_rung = False  # in the present attempt
        self.may_be_picked_up = False  # somebody else may take the call while it rings
        self.picked_up_by: CallSession | None = None
        self.permit: Permit | None = None  # for calls that leave the server
        self.has_last_word = False  # nobody else needs to be asked: the callee itself has refused
        self._heard_before = False  # something has come back in an attempt that is over
        self._gave_up = False  # on the present attempt, to which nothing comes back
        self._last: Ended | None = None  # how the last attempt ended, while no other one runs

    def dial(self, sound: LegSound, target: Target, hop: Hop) -> None:
        """Send an INVITE. Raises LocalProtocolError or ExposedKeysError for what must not be written."""
        self.sound = sound
        core, call = self._endpoint.core, self.call
        call.sip_call_id = str(uuid4())
        call.sip_call_ids.append(call.sip_call_id)
        call.peer, call.peer_host = target.peer, hop.remote[0]
        call.leg = core.invite(
            self._endpoint.now(),
            hop=hop,
            uri=target.uri,
            from_=target.from_,
            sdp=sound.offer(),
            headers=target.headers,
            route=target.route,
            credentials=target.credentials,
            max_forwards=call.max_forwards,
            call_id=call.sip_call_id,
        )
        if self.outcome.done():
            self.outcome = asyncio.get_running_loop().create_future()
        self.has_rung = self._gave_up = False
        self.redirected = ()
        self._last = None

    @property
    def failure(self) -> int:
        """SIP status of the last attempt that failed, 0 for none."""
        return self.failures[-1][0] if self.failures else 0

    @property
    def failure_reason(self) -> str:
        """What was said with it."""
        return self.failures[-1][1] if self.failures else ""

    @property
    def is_heard(self) -> bool:
        """Whether anything at all has come back, be it in an attempt before this one."""
        return self._heard_before or self.attempt_is_heard

    @property
    def attempt_is_heard(self) -> bool:
        """Whether anything at all has come back to the present attempt, or did to the last one."""
        if self._last is not None:
            return not self._last.silent
        return self._endpoint.core.is_heard(self.call.leg)

    @property
    def wants_answer(self) -> bool:
        """Whether nobody has answered and nobody has hung up."""
        return self.call.status in UNANSWERED

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
        if self.permit is not None:
            self.permit.answered(self._endpoint.now())
        if not self.outcome.done():
            self.outcome.set_result(True)

    def pick_up(self, by: CallSession) -> bool:
        """Let another call take this one's place while it rings (RFC 3891 section 3); False: it does not, or may not.

        Who rings here takes the other one for the answer, and ends this one.
        """
        if not self.may_be_picked_up or self.call.status is not Status.RINGING or self.outcome.done():
            return False
        self.picked_up_by = by
        self.outcome.set_result(True)
        return True

    def ended(self, event: Ended) -> None:
        """The attempt has failed, or the call is over."""
        if self._gave_up and event.silent:
            event = replace(event, by="remote", status=408, reason="no answer")
        if not event.silent:
            self._heard_before = True
            self.has_last_word = (
                event.status in LAST_WORD
                or event.cause in LAST_CAUSES
                or event.status >= 600
                or (self.has_rung and event.status in NOT_ANSWERED)
            )
        self._last = event
        if event.by == "local" and event.status == 487:  # what we ended is no answer to whoever waits for one
            self.failed(480, "no answer in time" if event.reason == "CANCEL" else event.reason)
        else:
            self.failed(event.status, event.reason)
        self.redirected = event.contacts
        if not self.wants_answer:
            self._return_permit()
            super().ended(_with_cause(event))
        if not self.outcome.done():
            self.outcome.set_result(False)

    def failed(self, status: int, why: str) -> None:
        """Note why one way did not lead there."""
        self.failures.append((status, why))

    def give_up_attempt(self) -> None:
        """End an attempt to which nothing has come back; late answers are taken care of by the core."""
        self._gave_up = True
        self._endpoint.core.hang_up(self._endpoint.now(), self.call.leg, cause=18)
        self._endpoint.flush()

    def conclude(self) -> None:
        """No attempt follows: if none was answered, the call has failed."""
        if self._waits_for_nobody:
            self._return_permit()
        if self.wants_answer and self._waits_for_nobody:
            status, why = self.failures[-1] if self.failures else (503, "not dialled")
            super().ended(_with_cause(self._last or Ended(self.call.leg, "local", status, why)))

    def _forget(self) -> None:
        super()._forget()
        self.rang = _nothing
        self.picked_up_by = None

    def _return_permit(self) -> None:
        if self.permit is not None:
            self.permit.ended(self._endpoint.now())
            self.permit = None

    @property
    def _waits_for_nobody(self) -> bool:
        """Whether no INVITE is on its way."""
        return self._last is not None or not self.call.leg

    def _ending_status(self, before: Status) -> Status:
        return Status.TERMINATING if before is Status.PROGRESSING else Status.CANCELING

    def _give_up(self, now: float, cause: int, why: str, status: int) -> None:
        if self._waits_for_nobody:
            super().ended(Ended(self.call.leg, "local", 487, why or "CANCEL", cause))
        else:
            self._endpoint.core.hang_up(now, self.call.leg, cause=cause, reason_text=why)


def _with_cause(event: Ended) -> Ended:
    """Return how a call ended with the Q.850 cause that its status stands for, where it came without one."""
    return (
        event
        if event.cause or event.status < 300
        else replace(event, cause=CAUSE_OF_STATUS.get(event.status, 31))
    )


def _nothing(event: Progress) -> None:
    """Nobody listens."""
