"""Takes the SIP core's events to the calls they belong to, and makes calls of new INVITEs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

from media.client import MediaClient, NoPort, WorkerLost
from voipbin_sip.calls.admission import Admission
from voipbin_sip.calls.call import Call
from voipbin_sip.calls.door import DoorWatcher, Unwatched
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.outgoing import OutgoingSession
from voipbin_sip.calls.session import CallLimits, CallSession
from voipbin_sip.calls.sound import LegSound, media_host, peer_host
from voipbin_sip.calls.verdict import Admitted, Ground, Rule, Turned
from voipbin_sip.masking import masked
from voipbin_sip.registrar.registrar import Answer
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import (
    Answered,
    Asked,
    Confirmed,
    Ended,
    Event,
    Hop,
    Incoming,
    InfoDigit,
    Offer,
    OfferAnswered,
    OfferRefused,
    Progress,
    Refused,
    Response,
    Transfer,
    TransferProgress,
)
from voipbin_sip.sip.message import Request
from voipbin_sip.transport.endpoint import Endpoint

MAX_ENDED = 10_000  # calls whose end can be looked up
RETRY_AFTER = "10"  # seconds, for a 503


class Switchboard:
    """All calls by leg.

    Args:
        advertised: the address that SDP names instead of a local one, to a peer's address.
        on_call: starts what the call is for; gets the session and the admission's word.
        on_transfer: carries a REFER out.
        registrar: answers a REGISTER.
    """

    def __init__(
        self,
        media: MediaClient,
        admission: Admission,
        *,
        limits: CallLimits,
        advertised: Callable[[str, str], str],
        on_call: Callable[[IncomingSession, Admitted], None],
        on_transfer: Callable[[CallSession, Transfer], None],
        registrar: Callable[[Request, Hop], Answer],
    ) -> None:
        self._registrar = registrar
        self._media = media
        self._admission = admission
        self._limits = limits
        self._advertised = advertised
        self._on_call = on_call
        self._on_transfer = on_transfer
        self._log = structlog.get_logger("sip")
        self._endpoint: Endpoint | None = None
        self.sessions: dict[str, CallSession] = {}
        self.calls = LiveCalls()
        self._ended: dict[str, int] = {}  # SIP status by call id, oldest first
        self._questions: dict[str, Callable[[Response], None]] = {}  # requests outside of calls, by token
        self.counters: Counter[str] = Counter()
        self.door: DoorWatcher = Unwatched()
        self.draining = False
        self.idle = asyncio.Event()  # set while there is no call
        self.idle.set()

    def attach(self, endpoint: Endpoint) -> None:
        """Name the endpoint whose events come here."""
        self._endpoint = endpoint

    def adopt(self, session: CallSession) -> None:
        """Send the events of the session's leg to it from now on."""
        self.sessions[session.call.leg] = session
        self.idle.clear()

    def expect(self, token: str, answered: Callable[[Response], None]) -> None:
        """Tell who sent a request outside of calls (`SipCore.request`) how it was answered; there is always an end."""
        self._questions[token] = answered

    def handle(self, event: Event) -> None:
        """Take one event of the SIP core."""
        match event:
            case Incoming():
                self._incoming(event)
            case Asked():
                self._asked(event)
            case Refused():
                self.counters["refused"] += 1
                self._log.debug("refused", source=event.hop.remote[0], status=event.status, why=event.why)
                self.door.request_refused(event)
            case Response():
                if answered := self._questions.pop(event.token, None):
                    answered(event)
            case _:
                self._in_call(event)

    def _in_call(
        self,
        event: Confirmed
        | Progress
        | Answered
        | Offer
        | OfferAnswered
        | InfoDigit
        | OfferRefused
        | Transfer
        | TransferProgress
        | Ended,
    ) -> None:
        session = self.sessions.get(event.leg)
        if session is None:
            return  # refused before it became a call
        match event:
            case Confirmed() if isinstance(session, IncomingSession):
                session.confirmed(event.answer)
            case Progress() if isinstance(session, OutgoingSession):
                session.progressed(event)
            case Answered() if isinstance(session, OutgoingSession):
                session.answered(event)
            case Offer():
                session.offered(event)
            case OfferAnswered():
                session.offer_answered(event.answer)
            case InfoDigit():
                session.info_digit(event.digit)
            case Transfer():
                self._on_transfer(session, event)
            case OfferRefused():
                session.offer_refused(event.status)
            case Ended():
                del self.sessions[event.leg]
                if not self.sessions:
                    self.idle.set()
                self.counters["ended"] += 1
                self._remember(session, event.status)
                session.ended(event)
            case _:
                session.log.warning("event at the wrong side of a call", event_type=type(event).__name__)

    def _decision(self, event: Incoming) -> Admitted | Turned:
        if self.draining:
            headers = (("Retry-After", RETRY_AFTER),)
            return Turned(503, "Shutting down", headers, "draining", Rule(Ground.DRAINING))
        try:
            return self._admission.decide(event)
        except Exception:
            self._log.exception("admission broke", sip_call_id=event.request.call_id)
            return Turned(500, "Internal error", why="a fault of the server", rule=Rule(Ground.SERVER))

    def _incoming(self, event: Incoming) -> None:
        assert self._endpoint is not None
        self.counters["incoming"] += 1
        decision = self._decision(event)
        if isinstance(decision, Turned):
            self._turn_away(event, decision)
            return
        call = Call(
            event.leg,
            decision.source,
            decision.destination,
            sip_call_id=event.request.call_id,
            sip_call_ids=[event.request.call_id],
            peer=decision.payer,
            peer_host=event.hop.remote[0],
            payer=decision.payer,
            private=decision.private,
            max_forwards=70 if event.request.max_forwards is None else event.request.max_forwards,
            transfers=decision.transfers,
        )
        session = IncomingSession(call, self._endpoint, self._limits)
        try:
            host = media_host(
                event.offer, event.hop.local[0], event.hop.remote[0], self._endpoint.local_towards
            )
            sound = LegSound(
                self._media,
                host,
                session,
                advertised=lambda local: self._advertised(local, event.hop.remote[0]),
                rtp_timeout=self._limits.rtp_timeout,
                peer=peer_host(event.request, event.hop.remote[0]),
                srtp=self._limits.srtp,
                secure=event.hop.transport == "TLS",
            )
        except (NoPort, WorkerLost, OSError) as error:
            session.abandon()
            headers = (("Retry-After", RETRY_AFTER),)
            full = Turned(503, "No media port free", headers, str(error), Rule(Ground.NO_MEDIA))
            self._turn_away(event, full)
            return
        self.door.call_admitted(event.request, event.hop)
        self.adopt(session)
        session.log.info(
            "call",
            to=decision.flow or masked(decision.destination.target),
            payer=call.payer,
            sip_call_id=call.sip_call_id,
            source=event.hop.remote[0],
        )
        self.calls.begin(session)
        try:
            session.begin(sound, event.offer)
        except RemoteProtocolError as error:
            session.refuse(error.status, error.reason)
            return
        self._on_call(session, decision)

    def ended_status(self, call_id: str) -> int:
        """Return the SIP status that a call ended with, 0 where it is unknown or goes on."""
        return self._ended.get(call_id, 0)

    def _remember(self, session: CallSession, status: int) -> None:
        self._ended[str(session.call.id)] = status
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]

    def _asked(self, event: Asked) -> None:
        assert self._endpoint is not None
        answer = self._registrar(event.request, event.hop)
        self._endpoint.core.respond(
            self._endpoint.now(), event.token, answer.status, answer.reason, answer.headers
        )
        self.counters[f"register_{answer.status}"] += 1
        if answer.status >= 400 and answer.why and answer.status != 401:
            self._log.info(
                "registration refused", status=answer.status, why=answer.why, source=event.hop.remote[0]
            )
        self.door.registration_answered(event.request, event.hop, answer)

    def _turn_away(self, event: Incoming, turned: Turned) -> None:
        assert self._endpoint is not None
        self.counters[f"turned_{turned.status}"] += 1
        level = self._log.debug if turned.status == 407 else self._log.info
        level(
            "call refused",
            status=turned.status,
            why=turned.why,
            source=event.hop.remote[0],
            sip_call_id=event.request.call_id,
        )
        self._endpoint.core.reject(
            self._endpoint.now(), event.leg, turned.status, turned.reason, turned.headers
        )
        self._endpoint.flush()
        self.door.call_turned(event.request, event.hop, turned)
