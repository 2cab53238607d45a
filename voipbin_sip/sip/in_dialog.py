"""Requests of the peer within a dialog (RFC 3261 section 12.2.2)."""

from __future__ import annotations

from functools import partial

from voipbin_sip.sip.callee import prack
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import Hop, InfoDigit
from voipbin_sip.sip.hang_up import leave
from voipbin_sip.sip.info_digit import CONTENT_TYPES, FLASH, format_digit, is_digit, parse_digit
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.peer_offer import modify
from voipbin_sip.sip.phase import DEPARTED, Move, Phase
from voipbin_sip.sip.reason import q850_cause
from voipbin_sip.sip.screening import capabilities, refusal_headers, screen
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.transfer import notified, referred


def handle(session: Session, now: float, transaction: ServerTransaction, hop: Hop) -> None:
    """Answer a new request of the peer, neither ACK nor CANCEL, whose CSeq number is in order."""
    request = transaction.request
    session.dialog = session.dialog.with_request(request.cseq.number, hop)
    limits = session.wire.limits
    if request.method == "BYE":  # never refused, whatever it requires
        _bye(session, now, transaction)
        return
    try:
        screen(request, limits)
        session.learn(request)
        if session.phase is Phase.LEFT:
            session.respond(now, transaction, 481)
        elif request.method in ("INVITE", "UPDATE"):
            modify(session, now, transaction)
        elif request.method == "REFER":
            referred(session, now, transaction)
        elif request.method == "NOTIFY":
            notified(session, now, transaction)
        elif request.method == "PRACK":
            prack(session, now, transaction)
        elif request.method == "INFO":
            _info(session, now, transaction)
        elif request.method == "OPTIONS":
            session.respond(now, transaction, 200, headers=capabilities(limits))
        else:  # allowed by configuration but not known here
            session.respond(now, transaction, 501)
    except RemoteProtocolError as error:
        headers = refusal_headers(error.status, request, limits)
        session.respond(now, transaction, error.status, error.reason, headers)


def _bye(session: Session, now: float, transaction: ServerTransaction) -> None:
    early = session.phase is Phase.EARLY
    cause = q850_cause(transaction.request)
    session.respond(now, transaction, 200)
    session.end("remote", 487 if early else 200, "BYE", cause)
    if early and session.calling is not None:  # its 200 may have been lost
        session.calling.give_up(now)
    elif session.can(Move.PEER_BYE):
        session.move(now, Move.PEER_BYE)


def _info(session: Session, now: float, transaction: ServerTransaction) -> None:
    """Answer an INFO: digits in the two legacy forms (RFC 2976); no Info-Package is known (RFC 6086 4.2.2)."""
    request: Request = transaction.request
    if "info-package" in request.headers:
        session.respond(now, transaction, 469, headers=(("Recv-Info", ""),))
        return
    if request.content_type in CONTENT_TYPES:
        digit, duration = parse_digit(request.body)
        session.respond(now, transaction, 200)
        if digit != FLASH and session.phase not in DEPARTED:
            session.wire.emit(InfoDigit(session.leg, digit, duration))
    elif request.body:
        session.respond(now, transaction, 415, headers=(("Accept", ", ".join(sorted(CONTENT_TYPES))),))
    else:
        session.respond(now, transaction, 200)


def send_digit(session: Session, now: float, digit: str, duration: int) -> None:
    """Send a digit by INFO. Raises LocalProtocolError for what is no digit."""
    if not is_digit(digit):
        raise LocalProtocolError(f"not a digit: {digit[:8]!r}")
    if session.phase not in DEPARTED and session.phase is not Phase.PROCEEDING:
        session.request(
            now,
            "INFO",
            partial(_info_answered, session),
            body=format_digit(digit, duration),
            content_type="application/dtmf-relay",
        )


def _info_answered(session: Session, now: float, response: Response | None) -> None:
    """A peer that does not know the call any more, or is silent, ends it (RFC 3261 12.2.1.2)."""
    if response is None or response.status in (408, 481):
        leave(
            session,
            now,
            status=408 if response is None else response.status,
            why="INFO failed",
            cause=102,
            by="remote",
        )
