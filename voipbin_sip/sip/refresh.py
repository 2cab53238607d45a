"""Keeping a session alive, or ending it when nobody does (RFC 4028 section 10)."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from voipbin_sip.sip import own_offer
from voipbin_sip.sip.dialog import refreshed_by_answer
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.hang_up import leave
from voipbin_sip.sip.message import Response
from voipbin_sip.sip.phase import DEPARTED, Phase
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.wire import LATER_SUPPORTED

_AGAIN = 10.0  # s until the next try after a refusal that does not mean the end


def attend(session: Session) -> None:
    """Do for the session what its timer calls for."""
    session.timer.on_refresh = partial(_refresh, session)
    session.timer.on_expiry = partial(_expire, session)


def _expire(session: Session, now: float) -> None:
    leave(session, now, status=408, why="session expired", cause=102)


def _refresh(session: Session, now: float) -> None:
    """Send an UPDATE without offer, which disturbs nothing, or else a re-INVITE that changes nothing."""
    if session.phase in DEPARTED:
        return
    if session.phase is not Phase.CONFIRMED:
        session.timer.refresh_at(now + 1)
    elif session.peer_updates:
        headers = (("Supported", LATER_SUPPORTED), *session.timer.propose())
        session.request(now, "UPDATE", partial(_answered, session), headers=headers)
    elif not own_offer.refresh(session, now):
        session.timer.refresh_at(now + _AGAIN)


def _answered(session: Session, now: float, response: Response | None) -> None:
    """Take the answer to our UPDATE."""
    if session.phase in DEPARTED or (response is not None and response.status < 200):
        return
    if response is None or response.status in (408, 481):  # RFC 3261 12.2.1.2: the dialog is dead
        status = 408 if response is None else response.status
        leave(session, now, status=status, why="UPDATE failed", cause=102, by="remote")
    elif response.status < 300:
        with suppress(RemoteProtocolError):  # an unreadable Contact: the old one goes on
            session.dialog = refreshed_by_answer(session.dialog, response)
        session.timer.agreed(now, response)
    elif response.status in (405, 501):
        session.peer_updates = False
        _refresh(session, now)
    elif session.timer.raised(response):
        _refresh(session, now)
    elif response.status == 491:
        session.timer.refresh_at(now + own_offer.glare_wait(session))
    else:
        session.timer.refresh_at(now + _AGAIN)
