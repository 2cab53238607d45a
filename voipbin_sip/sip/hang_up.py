"""Ending a session from our side (RFC 3261 section 15)."""

from __future__ import annotations

from functools import partial

from voipbin_sip.sip.message import Response
from voipbin_sip.sip.phase import UNANSWERED, Move, Phase
from voipbin_sip.sip.reason import format_cancel_reason, format_reason, status_of_cause
from voipbin_sip.sip.session import Session


def hang_up(session: Session, now: float, cause: int, text: str) -> None:
    """End the call for a Q.850 cause: BYE, or if it is unanswered a rejection or our CANCEL. What is over stays so."""
    if session.phase in UNANSWERED and session.calling is not None:
        session.bye_reason = format_cancel_reason(cause, text)
        session.end("local", 487, text or "CANCEL", cause)
        session.calling.give_up(now)
    elif session.phase in UNANSWERED:
        status = status_of_cause(cause)
        response = session.response(session.invite, status, headers=(("Reason", format_reason(cause, text)),))
        session.invite.respond(now, response)
        session.end("local", status, text or "rejected", cause)
        session.move(now, Move.REJECT)
    else:
        leave(session, now, status=200, why=text or "BYE", cause=cause, text=text)


def leave(
    session: Session, now: float, *, status: int, why: str, cause: int, text: str = "", by: str = "local"
) -> None:
    """End an answered session; the BYE waits for outstanding ACKs of ours, the user does not."""
    if not session.can(Move.HANG_UP):
        return
    session.bye_reason = format_reason(cause, text)
    session.end(by, status, why, cause)
    session.move(now, Move.HANG_UP)
    if session.calling is not None:
        session.calling.acknowledge(now, None)
    pending = session.peer_offer
    if pending is not None and not pending.answered:
        session.peer_offer = None
        session.respond(now, pending, 487)
    say_bye(session, now)


def say_bye(session: Session, now: float) -> None:
    """Send the BYE unless an ACK is still awaited."""
    if session.acceptances or not session.can(Move.BYE_SENT):
        return
    session.move(now, Move.BYE_SENT)
    session.request(now, "BYE", partial(_bye_answered, session), headers=(("Reason", session.bye_reason),))


def _bye_answered(session: Session, now: float, response: Response | None) -> None:
    """Any final response ends it; the dialog stays for T4, so that a BYE that crossed ours is answered."""
    if response is not None and response.status < 200:
        return
    session.wire.timers.start(now + session.wire.limits.t4, partial(_forget, session))


def _forget(session: Session, now: float) -> None:
    if session.phase is Phase.LEFT:
        session.move(now, Move.BYE_DONE)
