"""Places calls: to many targets at once, until the first answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from media.client import MediaClient
from media.media_leg import MediaLeg
from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.destinations import Destinations
from voipbin_sip.calls.first_answer import first_answer
from voipbin_sip.calls.outgoing import ELSEWHERE, OutgoingSession, Target
from voipbin_sip.calls.pursuit import Pursuit
from voipbin_sip.calls.session import CallLimits, CallSession
from voipbin_sip.calls.sound import CODECS, LegSound
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.calls.switchboard import Switchboard
from voipbin_sip.masking import masked
from voipbin_sip.sip.events import Hop, Progress
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.transport.endpoint import Endpoint

DIAL_SECONDS = 60.0
NO_ANSWER = frozenset({408, 480, 487})  # of somebody who was never heard of: out of reach

# What is told of several failures, the most telling first: SIP statuses and the word for them.
RESULTS: tuple[tuple[str, frozenset[int]], ...] = (
    ("busy", frozenset({486, 600})),
    ("refused", frozenset({401, 403, 407, 603, 606, 607})),
    ("noanswer", frozenset({408, 480, 487})),
    ("unreachable", frozenset({404, 410, 502, 503, 504, 604})),
)


@dataclass(frozen=True, slots=True)
class Dialled:
    """How ringing ended: who answered, or why nobody did."""

    session: OutgoingSession | None
    result: str  # "answered" or one of RESULTS or "failed"
    status: int = 200
    reason: str = ""
    call_id: str = ""  # of the call that status and reason are of
    picked_up_by: CallSession | None = None  # who took the call from `session`, which is over then

    @property
    def callee(self) -> CallSession | None:
        """Who talks now: the phone that was called, or who took the call from it."""
        return self.picked_up_by or self.session


class Dialer:
    """Places calls beside a caller's."""

    def __init__(
        self,
        endpoint: Endpoint,
        media: MediaClient,
        switchboard: Switchboard,
        destinations: Destinations,
        *,
        toll: TollGuard,
        limits: CallLimits,
        advertised: Callable[[str, str], str],
    ) -> None:
        self._endpoint = endpoint
        self._media = media
        self._switchboard = switchboard
        self._destinations = destinations
        self._toll = toll
        self._limits = limits
        self._advertised = advertised

    async def ring_all(
        self,
        callees: Sequence[tuple[Address, Target]],
        originator: Originator,
        *,
        beside: CallSession | None = None,
        master: Call | None = None,
        seconds: float = DIAL_SECONDS,
        rang: Callable[[OutgoingSession, Progress], None] | None = None,
        placed: Callable[[OutgoingSession], None] | None = None,
        pick_up: bool = False,
    ) -> Dialled:
        """Ring all callees until one answers; the others are cancelled. Cancelling this cancels all.

        `beside` is a call that they will share their sound with, and are placed for unless `master` names another
        one. `placed` is told each call, before anything is sent. `pick_up`: others may take it while it rings.
        """
        master = beside.call if master is None and beside is not None else master
        near = beside.sound.leg if beside is not None and beside.sound is not None else None
        pursuits = []
        for destination, target in callees:
            session = self._new_session(target, originator, destination)
            session.may_be_picked_up = pick_up
            if placed is not None:
                placed(session)
            if rang is not None:
                session.rang = partial(rang, session)
            self._switchboard.calls.begin(session, master)
            attempt = partial(self._attempt, near)
            pursuits.append(Pursuit(session, target, originator, self._destinations, attempt))
        running: dict[asyncio.Future[OutgoingSession | None], Pursuit] = {
            asyncio.ensure_future(pursuit.run()): pursuit for pursuit in pursuits
        }
        winner: OutgoingSession | None = None
        taken: CallSession | None = None
        try:
            winner = await first_answer(running, seconds)
            taken = winner.picked_up_by if winner is not None else None
        finally:
            for attempt_task in running:
                attempt_task.cancel()
            for pursuit in pursuits:
                if pursuit.session is not winner or taken is not None:
                    late = pursuit.session.picked_up_by
                    if late is not None and late is not taken:
                        late.hang_up("normal", "somebody else has the call")
                    pursuit.session.hang_up("cancel", ELSEWHERE if winner is not None else "")
        if winner is not None:
            call = (taken or winner).call
            return Dialled(winner, "answered", call_id=str(call.id), picked_up_by=taken)
        return summary([pursuit.session for pursuit in pursuits])

    def _new_session(self, target: Target, originator: Originator, destination: Address) -> OutgoingSession:
        call = Call(
            "",
            originator.address,
            destination,
            direction=Direction.OUTGOING,
            status=Status.DIALING,
            payer=originator.payer,
            private=originator.private,
            max_forwards=originator.max_forwards,
            transfers=target.transfers,
        )
        return OutgoingSession(call, self._endpoint, self._limits)

    def _attempt(self, near: MediaLeg | None, session: OutgoingSession, target: Target, hop: Hop) -> None:
        """Send an INVITE with the session's sound; one attempt after the other has the same media leg."""
        if target.outside is not None:
            self._permit(session, target, target.outside)
        before, host = session.sound, hop.local[0]
        again = before.leg if before is not None and before.leg.host == host else None
        if before is not None and again is None:
            before.close()
        sound = session.sound = LegSound(
            self._media,
            host,
            session,
            advertised=lambda local: self._advertised(local, hop.remote[0]),
            rtp_timeout=self._limits.rtp_timeout,
            peer="" if target.route else hop.remote[0],
            beside=near,
            codecs=target.codecs or CODECS,
            srtp=target.srtp or self._limits.srtp,
            secure=hop.transport == "TLS",
            leg=again,
        )
        session.dial(sound, target, hop)
        self._switchboard.adopt(session)
        master = str(session.call.master_call_id or "")
        session.log.info("dialling", provider=target.provider, to=masked(target.uri), master=master)
        self._endpoint.flush()

    def _permit(self, session: OutgoingSession, target: Target, outside: Address) -> None:
        """Let the toll guard count a call, once for all attempts. Raises Refused."""
        now = self._endpoint.now()
        if session.permit is not None:
            session.permit.onward(target.provider, now)
            return
        session.permit = self._toll.begin(target.payer or session.call.payer, target.provider, outside, now)
        session.permit.over = partial(session.hang_up, "timeout")


def summary(sessions: Sequence[OutgoingSession]) -> Dialled:
    """Say in one word why nobody answered: the most telling of all failures; a phone that still rang did not answer."""
    found = Dialled(None, "unreachable", 480, "nobody is registered")
    rank = len(_ORDER)
    for session in sessions:
        for status, reason in session.failures or [(480, "")]:
            result = _result(status) if session.is_heard or status not in NO_ANSWER else "unreachable"
            if _ORDER.index(result) < rank:
                rank = _ORDER.index(result)
                found = Dialled(None, result, status, reason, str(session.call.id))
    return found


_ORDER = (*(result for result, _ in RESULTS), "failed")


def _result(status: int) -> str:
    return next((result for result, statuses in RESULTS if status in statuses), "failed")
