"""Re-INVITEs of ours, with back-off when both sides try at once (RFC 3261 sections 14.1 and 13.2.2.4)."""

from __future__ import annotations

from functools import partial

from voipbin_sip.sip.body import SDP, session_description
from voipbin_sip.sip.dialog import refreshed_by_answer
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import OfferAnswered, OfferRefused
from voipbin_sip.sip.hang_up import leave
from voipbin_sip.sip.message import Response
from voipbin_sip.sip.phase import DEPARTED, UNANSWERED, Phase
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.wire import LATER_SUPPORTED

_BUSY_WAIT = 0.1  # s until we look again whether the INVITE under way is finished
_REFUSED_WAIT = 10.0  # s until a refresh that was refused is tried again


def offer(session: Session, now: float, sdp: SessionDescription) -> None:
    """Offer a change of the session; OfferAnswered or OfferRefused tells how it went.

    Waits while another INVITE is under way in either direction. Raises LocalProtocolError before the call is
    answered and while an offer of ours is open.
    """
    if session.phase in DEPARTED:
        return
    if session.phase in UNANSWERED:
        raise LocalProtocolError("re-INVITE before the call was answered")
    if session.refreshing and session.next_offer is None:
        session.next_offer = sdp
        return
    if session.own_offer is not None:
        raise LocalProtocolError("an offer of ours is still open")
    session.own_offer = sdp
    _try(session, now)


def refresh(session: Session, now: float) -> bool:
    """Send a re-INVITE that changes nothing; return False if there is another one already, which does as well."""
    if session.local is None or session.own_offer is not None:
        return False
    session.own_offer = session.local
    session.refreshing = True
    _try(session, now)
    return True


def glare_wait(session: Session) -> float:
    """Return the seconds to wait after a 491: the owner of the Call-ID waits longer, in units of 10 ms (14.1)."""
    low, high = (2.1, 4.0) if session.dialog.owns_call_id else (0.0, 2.0)
    return round(session.wire.between(low, high), 2)


def _try(session: Session, now: float) -> None:
    if session.own_offer is None or session.phase in DEPARTED:
        return
    if session.phase is not Phase.CONFIRMED or session.acceptances or session.peer_offer is not None:
        _try_later(session, now, _BUSY_WAIT)
        return
    session.own_invite = session.request(
        now,
        "INVITE",
        _Attempt(session).response,
        headers=(
            ("Allow", ", ".join(session.wire.limits.allow)),
            ("Supported", LATER_SUPPORTED),
            *session.timer.propose(),
        ),
        body=session.own_offer.to_bytes(),
        content_type=SDP,
    )


def _settled(session: Session, now: float) -> bool:
    """Forget our offer, go on with the next; return whether it was no more than a refresh."""
    refreshed = session.refreshing
    session.own_offer, session.next_offer = session.next_offer, None
    session.refreshing = False
    if session.own_offer is not None:
        _try_later(session, now, 0)
    return refreshed


def _try_later(session: Session, now: float, seconds: float) -> None:
    session.retry = session.wire.timers.start(now + seconds, partial(_try, session))


class _Attempt:
    """One re-INVITE; it lives on to acknowledge a 2xx as often as it comes, even after the call."""

    __slots__ = ("_ack", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ack = b""

    def response(self, now: float, response: Response | None) -> None:
        """Take a response, or None for none in time."""
        if self._ack:
            self._session.send_ack(self._ack)  # the peer repeats its 2xx: it has not seen our ACK
            return
        if response is not None and response.status < 200:
            return
        session = self._session
        session.own_invite = None
        if response is not None and response.status < 300:
            self._accepted(now, response)
        elif session.phase in DEPARTED:
            return
        elif response is None or response.status in (408, 481):  # RFC 3261 12.2.1.2: the dialog is dead
            session.own_offer = None
            leave(
                session,
                now,
                status=408 if response is None else response.status,
                why="re-INVITE failed",
                cause=102,
                by="remote",
            )
        elif response.status == 491:
            _try_later(session, now, glare_wait(session))
        elif session.timer.raised(response):
            _try(session, now)
        elif not _settled(session, now):
            session.wire.emit(OfferRefused(session.leg, response.status))
        else:
            session.timer.refresh_at(now + _REFUSED_WAIT)

    def _accepted(self, now: float, response: Response) -> None:
        session = self._session
        complaint = ""
        answer: SessionDescription | None = None
        try:
            session.dialog = refreshed_by_answer(session.dialog, response)
            answer = session_description(response)
        except RemoteProtocolError as error:
            complaint = f"unusable answer: {error.reason}"
        self._ack = session.ack(response.cseq.number)
        session.send_ack(self._ack)
        if session.phase in DEPARTED:
            return
        session.timer.agreed(now, response)
        session.local = session.own_offer
        refreshed = _settled(session, now)
        if answer is None:
            leave(session, now, status=488, why=complaint or "200 without answer", cause=111)
            return
        changed = session.remote is None or session.remote.origin != answer.origin
        session.remote = answer
        if changed or not refreshed:
            session.wire.emit(OfferAnswered(session.leg, answer))
