"""Places calls: one to one target, or to many at once until the first answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from media.client import MediaClient, NoPort, WorkerLost
from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.outgoing import ELSEWHERE, OutgoingSession, Target
from voipbin_sip.calls.session import CallLimits, CallSession
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.calls.switchboard import Switchboard
from voipbin_sip.sip.events import Progress
from voipbin_sip.sip.name_addr import NameAddr
from voipbin_sip.sip.uri import Uri
from voipbin_sip.transport.endpoint import Endpoint

DIAL_SECONDS = 60.0
MAX_REDIRECTIONS = 5
UNREACHED = frozenset({408, 503})  # no answer at all, or told to go elsewhere (RFC 3263 section 4.3)

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


class Dialer:
    """Places calls beside a caller's."""

    def __init__(
        self,
        endpoint: Endpoint,
        media: MediaClient,
        switchboard: Switchboard,
        destinations: Destinations,
        *,
        domain: str,
        limits: CallLimits,
        advertised: Callable[[str], str],
    ) -> None:
        self._endpoint = endpoint
        self._media = media
        self._switchboard = switchboard
        self._destinations = destinations
        self._log = structlog.get_logger("dialer")
        self._domain = domain
        self._limits = limits
        self._advertised = advertised

    def dial(
        self, target: Target, originator: Originator, destination: Address, beside: CallSession | None = None
    ) -> OutgoingSession:
        """Send one INVITE. Raises NoPort, WorkerLost or OSError where no sound can be had for it."""
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
        session = OutgoingSession(call, self._endpoint, self._limits)
        near = beside.sound.leg if beside is not None and beside.sound is not None else None
        try:
            sound = LegSound(
                self._media,
                target.hop.local[0],
                session,
                advertised=self._advertised,
                rtp_timeout=self._limits.rtp_timeout,
                beside=near,
            )
        except (NoPort, WorkerLost, OSError):
            session.abandon()
            raise
        session.dial(sound, target, from_=self._from(originator.address))
        self._switchboard.adopt(session)
        session.log.info("dialling", uri=target.uri, master=str(beside.call.id) if beside else "")
        self._endpoint.flush()
        return session

    async def ring_all(
        self,
        targets: Sequence[Target],
        originator: Originator,
        destination: Address,
        *,
        beside: CallSession | None = None,
        seconds: float = DIAL_SECONDS,
        rang: Callable[[OutgoingSession, Progress], None] | None = None,
    ) -> Dialled:
        """Ring all targets until one answers; the others are cancelled. Cancelling this cancels all."""
        sessions: list[OutgoingSession] = []

        def begin(target: Target) -> OutgoingSession:
            session = self.dial(target, originator, destination, beside)
            sessions.append(session)
            if rang is not None:
                session.rang = _tell(rang, session)
            return session

        attempts = [asyncio.ensure_future(self._reach(target, begin, {target.uri})) for target in targets]
        winner: OutgoingSession | None = None
        try:
            winner = await _first_answer(attempts, seconds)
        finally:
            for attempt in attempts:
                attempt.cancel()
            for session in sessions:
                if session is not winner:
                    session.hang_up("cancel", ELSEWHERE if winner is not None else "")
        if winner is not None:
            return Dialled(winner, "answered", call_id=str(winner.call.id))
        return summary(sessions)

    async def _reach(
        self, target: Target, begin: Callable[[Target], OutgoingSession], tried: set[str]
    ) -> OutgoingSession | None:
        """Call one target: by its other hops where one does not work, and where it redirects us to.

        `tried` holds the URIs that were called: none is called again (RFC 3261 8.1.3.4), or redirections that lead
        to each other would multiply.
        """
        for hop in (target.hop, *target.others):
            try:
                session = begin(replace(target, hop=hop, others=()))
            except (NoPort, WorkerLost, OSError) as error:
                self._log.error("no sound for a call", uri=target.uri, why=str(error))
                return None
            if await asyncio.shield(session.outcome):
                return session
            if session.has_rung or session.failure not in UNREACHED:
                break
        for uri in session.redirected:
            if uri in tried or len(tried) > MAX_REDIRECTIONS:
                continue
            tried.add(uri)
            try:
                onward = await self._destinations.target(uri)
            except NotReachable as error:
                session.log.warning("redirection not followed", why=str(error))
                continue
            answered = await self._reach(onward, begin, tried)
            if answered is not None:
                return answered
        return None

    def _from(self, source: Address) -> str:
        user, _, host = source.target.partition("@")
        return str(NameAddr(source.target_name, Uri("sip", user=user or None, host=host or self._domain)))


async def _first_answer(
    attempts: Sequence[asyncio.Future[OutgoingSession | None]], seconds: float
) -> OutgoingSession | None:
    """Wait for the first answer, until all failed or `seconds` are over."""
    waiting = set(attempts)
    deadline = asyncio.get_running_loop().time() + seconds
    while waiting:
        left = deadline - asyncio.get_running_loop().time()
        done, waiting = await asyncio.wait(
            waiting, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return None
        for attempt in done:
            if (session := attempt.result()) is not None:
                return session
    return None


def summary(sessions: Sequence[OutgoingSession]) -> Dialled:
    """Say in one word why nobody answered; a phone that still rang did not answer."""
    failures = {session.failure or 480: session for session in sessions}
    if not failures:
        return Dialled(None, "unreachable", 480, "nobody is registered")
    silent = failures.get(408)
    if len(failures) == 1 and silent is not None and not silent.has_rung:
        return Dialled(None, "unreachable", 408, silent.failure_reason, str(silent.call.id))
    told = [(result, status) for result, statuses in RESULTS for status in failures if status in statuses]
    result, status = told[0] if told else ("failed", next(iter(failures)))
    return Dialled(None, result, status, failures[status].failure_reason, str(failures[status].call.id))


def _tell(
    rang: Callable[[OutgoingSession, Progress], None], session: OutgoingSession
) -> Callable[[Progress], None]:
    return lambda event: rang(session, event)
