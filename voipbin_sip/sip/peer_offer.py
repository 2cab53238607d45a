"""Re-INVITE and UPDATE of the peer: hold, resume, new port, target refresh (RFC 3261 section 14.2, RFC 3311)."""

from __future__ import annotations

from voipbin_sip.sip.body import session_description
from voipbin_sip.sip.callee import accept
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Offer
from voipbin_sip.sip.phase import DEPARTED, UNANSWERED, Phase
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.session import Session

_LONGEST_WAIT = 10  # s, Retry-After of RFC 3261 14.2 and RFC 3311 5.2


def modify(session: Session, now: float, transaction: ServerTransaction) -> None:
    """Take a re-INVITE or UPDATE: ask our user, or answer what needs no asking.

    Raises RemoteProtocolError for a body that is no session description.
    """
    request = transaction.request
    invite = request.method == "INVITE"
    if session.phase in DEPARTED:
        session.respond(now, transaction, 481)
        return
    offer = session_description(request)
    if not invite and offer is None:
        _refresh(session, transaction)
        session.respond(now, transaction, 200, headers=session.timer.accept(now, request))
        return
    if session.own_invite is not None or _our_offer_is_open(session):
        session.respond(now, transaction, 491)
        return
    if session.peer_offer is not None or (session.phase in UNANSWERED and not session.early_agreed):
        wait = round(session.wire.between(1, _LONGEST_WAIT))
        session.respond(now, transaction, 500, "Request Already Pending", (("Retry-After", str(wait)),))
        return
    session.peer_offer = transaction
    session.peer_offerless = offer is None
    session.peer_description = offer
    if invite:
        transaction.on_cancel = lambda at, _cancel: refuse(session, at, 487, None)
        session.respond(now, transaction, 100)
    session.wire.emit(Offer(session.leg, request, offer))


def accept_offer(session: Session, now: float, sdp: SessionDescription) -> None:
    """Answer the pending offer, or make the one that an offerless re-INVITE asks for.

    Nothing happens if the peer has withdrawn it meanwhile.
    """
    if session.calling is not None and session.phase is Phase.ACCEPTED:
        session.calling.acknowledge(now, sdp)
        return
    transaction = session.peer_offer
    if transaction is None:
        return
    session.peer_offer = None
    _refresh(session, transaction)
    headers = session.timer.accept(now, transaction.request)
    response = session.response(transaction, 200, headers=headers, sdp=sdp)
    session.local = sdp
    session.remote = session.peer_description or session.remote
    if transaction.request.method == "INVITE":
        accept(session, now, transaction, response, offered=session.peer_offerless)
    else:
        transaction.respond(now, response)


def refuse(session: Session, now: float, status: int, reason: str | None) -> None:
    """Refuse the pending offer; the session goes on as it was. Raises LocalProtocolError for a status below 300."""
    if status < 300:
        raise LocalProtocolError(f"{status} does not refuse an offer")
    transaction = session.peer_offer
    if transaction is not None:
        session.respond(now, transaction, status, reason)
        session.peer_offer = None


def _our_offer_is_open(session: Session) -> bool:
    return any(acceptance.offered for acceptance in session.acceptances.values()) or (
        (session.offerless or session.calling is not None)
        and session.phase in UNANSWERED
        and not session.early_agreed
    )


def _refresh(session: Session, transaction: ServerTransaction) -> None:
    """Take the new remote target of a request that we accept (RFC 3261 12.2.2)."""
    session.dialog = session.dialog.refreshed(transaction.request)
