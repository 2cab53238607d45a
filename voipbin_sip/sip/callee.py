"""Answering an INVITE: ring, early media, answer, reject, and the ACK (RFC 3261 section 13.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from voipbin_sip.sip.acceptance import Acceptance
from voipbin_sip.sip.body import session_description
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import Confirmed, Hop, OfferAnswered
from voipbin_sip.sip.hang_up import leave, say_bye
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.phase import DEPARTED, UNANSWERED, Move, Phase
from voipbin_sip.sip.reason import q850_cause
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.session import Session


def provisional(session: Session, now: float, status: int, sdp: SessionDescription | None = None) -> None:
    """Send 180 or 183. Raises LocalProtocolError once the call is answered."""
    if _too_late(session, Move.PROVISIONAL, f"{status}"):
        return
    reliable = session.reliable
    if reliable is not None and reliable.covers(sdp):
        if sdp is None and session.offerless:
            return  # RFC 3261 13.2.1: the first reliable response must bring the offer, and this one has none
        reliable.send(now, status, sdp)
        _remind_later(session, now, lambda at: provisional(session, at, status))
        return
    response = session.response(session.invite, status, sdp=sdp)
    session.move(now, Move.PROVISIONAL)
    session.invite.respond(now, response)
    _repeat_later(session, now, response)


def answer(session: Session, now: float, sdp: SessionDescription) -> None:
    """Send the 200, again and again until the ACK. Raises LocalProtocolError if the call is answered already."""
    if _too_late(session, Move.ANSWER, "200"):
        return
    if session.reliable is not None and session.reliable.postpone(sdp):
        return
    headers = session.timer.accept(now, session.invite.request)
    # RFC 3261 13.2.1: what was agreed reliably before is not said again
    told = None if session.early_agreed else sdp
    response = session.response(session.invite, 200, headers=headers, sdp=told)
    session.move(now, Move.ANSWER)
    session.local = session.local or sdp
    session.wire.timers.cancel(session.reminder)
    session.wire.timers.cancel(session.expiry)
    accept(session, now, session.invite, response, offered=session.offerless)


def reject(
    session: Session, now: float, status: int, reason: str | None, headers: Iterable[tuple[str, str]]
) -> None:
    """Refuse the call. Raises LocalProtocolError if it is answered already, or for a status below 300."""
    if status < 300:
        raise LocalProtocolError(f"{status} does not reject a call")
    if _too_late(session, Move.REJECT, f"{status}"):
        return
    response = session.response(session.invite, status, reason, headers)
    session.invite.respond(now, response)
    session.end("local", status, "rejected")
    session.move(now, Move.REJECT)


def prack(session: Session, now: float, transaction: ServerTransaction) -> None:
    """Answer a PRACK (RFC 3262 section 3). Raises RemoteProtocolError for a body that is no session description."""
    description = session_description(transaction.request)
    reliable = session.reliable
    if reliable is None or not reliable.take(transaction.request):
        session.respond(now, transaction, 481)
        return
    wanted = session.offerless and session.phase in UNANSWERED
    # an offer in a PRACK may be refused, and one before the call is answered serves nobody here
    session.respond(now, transaction, 488 if description is not None and not wanted else 200)
    if description is not None and wanted:
        session.offerless = False
        session.remote = description
        session.wire.emit(OfferAnswered(session.leg, description))
    late_answer = reliable.pracked(now)
    if late_answer is not None:
        answer(session, now, late_answer)


def expire_later(session: Session, now: float) -> None:
    """Give up the INVITE after the time that its Expires header allows (RFC 3261 13.3.1 step 1)."""
    text = session.invite.request.headers.get("expires") or ""
    if text.isascii() and text.isdigit() and len(text) <= 9:
        session.expiry = session.wire.timers.start(now + int(text), partial(_expired, session))


def _expired(session: Session, now: float) -> None:
    session.respond(now, session.invite, 487)
    session.end("remote", 487, "INVITE expired")
    session.move(now, Move.CANCEL)


def cancelled(session: Session, now: float, cancel: Request) -> None:
    """Take the peer's CANCEL of its first INVITE: 487 (RFC 3261 9.2)."""
    if session.can(Move.CANCEL):
        session.respond(now, session.invite, 487)
        session.end("remote", 487, "CANCEL", q850_cause(cancel))
        session.move(now, Move.CANCEL)


def accept(
    session: Session, now: float, transaction: ServerTransaction, response: Response, *, offered: bool
) -> None:
    """Send the 2xx for an INVITE of the peer and repeat it until its ACK; without one the call ends."""
    number = transaction.request.cseq.number
    data = transaction.respond(now, response)
    acceptance = Acceptance(session.wire, transaction, data, offered=offered)
    session.acceptances[number] = acceptance
    acceptance.start(now, partial(_no_ack, session, number))


def acknowledged(session: Session, now: float, ack: Request, hop: Hop) -> None:
    """Take an ACK for a 2xx of ours; those that come again mean nothing."""
    number = ack.cseq.number
    acceptance = session.acceptances.pop(number, None)
    if acceptance is None:
        return
    acceptance.stop()
    _acknowledge_earlier(session, now, number)
    session.dialog = session.dialog.with_request(session.dialog.remote_cseq, hop)
    description: SessionDescription | None = None
    complaint = ""
    if acceptance.offered:
        try:
            session.remote = description = session_description(ack)
            complaint = "" if description is not None else "ACK without answer"
        except RemoteProtocolError as error:
            complaint = f"unusable answer in ACK: {error.reason}"
    if session.phase is Phase.LEAVING:
        say_bye(session, now)
    elif complaint:
        leave(session, now, status=488, why=complaint, cause=111)
    elif acceptance.transaction is session.opening:
        session.move(now, Move.ACK)
        session.wire.emit(Confirmed(session.leg, description))
    elif description is not None:
        session.wire.emit(OfferAnswered(session.leg, description))


def _acknowledge_earlier(session: Session, now: float, number: int) -> None:
    """Take an ACK for all that the peer must have seen before it, as the ACKs for that may be lost.

    None of these carries an offer of ours: while one is open, no other re-INVITE is accepted.
    """
    for earlier in [key for key in session.acceptances if key < number]:
        session.acceptances.pop(earlier).stop()
        if session.can(Move.ACK):
            session.move(now, Move.ACK)
            session.wire.emit(Confirmed(session.leg, None))


def _no_ack(session: Session, number: int, now: float) -> None:
    """End the session that nobody confirms (RFC 3261 13.3.1.4)."""
    session.acceptances.pop(number, None)
    if session.phase is Phase.LEAVING:
        say_bye(session, now)
    else:
        leave(session, now, status=408, why="no ACK", cause=102)


def _repeat_later(session: Session, now: float, response: Response) -> None:
    """Repeat the last 18x each minute while nobody answers (RFC 3261 13.3.1.1)."""

    def remind(at: float) -> None:
        session.invite.respond(at, response)
        _repeat_later(session, at, response)

    _remind_later(session, now, remind)


def _remind_later(session: Session, now: float, remind: Callable[[float], None]) -> None:
    session.wire.timers.cancel(session.reminder)
    session.reminder = session.wire.timers.start(now + session.wire.limits.remind, remind)


def _too_late(session: Session, move: Move, what: str) -> bool:
    """Return whether an order comes after the end; raise if it contradicts what was ordered before."""
    answering = session.reliable is not None and session.reliable.answering
    if session.can(move) and (move is Move.REJECT or not answering):
        return False
    if session.phase in DEPARTED:
        return True
    raise LocalProtocolError(f"{what} after the call was answered")
