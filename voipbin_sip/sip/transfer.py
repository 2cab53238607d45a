"""Call transfer within a dialog, asked for by the peer or by us (RFC 3515, RFC 5589).

A REFER opens a subscription without SUBSCRIBE: the one who follows it tells by NOTIFY how the new call goes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import Transfer, TransferProgress
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.name_addr import NameAddr, parse_name_addr
from voipbin_sip.sip.phase import Phase
from voipbin_sip.sip.replaces import Replaces, parse_replaces
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.uri import Uri, parse_uri

SIPFRAG = "message/sipfrag"
_FRAGMENT_LINE = re.compile(rb"SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]{0,200}))?", re.IGNORECASE)
_EXPIRES = 180  # s, that a transfer may take


def referred(session: Session, now: float, transaction: ServerTransaction) -> None:
    """Take a REFER: accept it and tell our user. Raises RemoteProtocolError for one that says nothing usable."""
    request = transaction.request
    target = _refer_to(request)
    if session.phase is not Phase.CONFIRMED or session.refer_event is not None:
        session.respond(now, transaction, 491)
        return
    headers = {name.lower(): value or "" for name, value in target.headers}
    replaces = parse_replaces(headers["replaces"]) if "replaces" in headers else None
    referred_by = request.headers.get("referred-by") or ""
    # RFC 3515 2.4.6: from the second REFER in a dialog on, its CSeq number tells the subscriptions apart
    session.refer_event = f"refer;id={request.cseq.number}" if session.referred else "refer"
    session.referred = True
    session.transfer_end = session.wire.timers.start(
        now + _EXPIRES, lambda at: notify(session, at, 408, "Request Timeout", final=True)
    )
    session.respond(now, transaction, 202, headers=(("Contact", session.contact),))
    notify(session, now, 100, "Trying", final=False)
    session.wire.emit(Transfer(session.leg, str(replace(target, headers=())), replaces, referred_by))


def notify(session: Session, now: float, status: int, reason: str, *, final: bool) -> None:
    """Tell the peer how its transfer goes; nothing happens if there is none, or if the call is over."""
    if session.refer_event is None or session.phase is not Phase.CONFIRMED:
        return
    state = "terminated;reason=noresource" if final else f"active;expires={_EXPIRES}"
    session.request(
        now,
        "NOTIFY",
        partial(_notified, session, session.refer_event),
        # RFC 3265 section 7.1: a NOTIFY must have a Contact
        headers=(("Event", session.refer_event), ("Subscription-State", state), ("Contact", session.contact)),
        body=f"SIP/2.0 {status} {reason}\r\n".encode(),
        content_type=f"{SIPFRAG};version=2.0",
    )
    if final:
        _forget(session)


def _forget(session: Session) -> None:
    session.refer_event = None
    session.wire.timers.cancel(session.transfer_end)


def _notified(session: Session, event: str, _now: float, response: Response | None) -> None:
    """A peer that does not want to know any more is not told; the call itself goes on (RFC 5057 section 5.1)."""
    if (response is None or response.status >= 300) and session.refer_event == event:
        _forget(session)


def refer(session: Session, now: float, uri: str, replaces: Replaces | None) -> None:
    """Ask the peer to call `uri`; TransferProgress tells how that goes.

    Raises LocalProtocolError if the call is not answered, if another transfer is under way, or for what is no URI.
    """
    if session.phase is not Phase.CONFIRMED or session.referring:
        raise LocalProtocolError("a transfer needs an answered call without another transfer")
    try:
        target = parse_uri(uri)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"cannot refer to {uri[:60]!r}: {error.reason}") from None
    if replaces is not None:
        target = replace(target, headers=(("Replaces", str(replaces)),))
    headers = [("Refer-To", f"<{target}>"), ("Referred-By", session.contact), ("Contact", session.contact)]
    session.request(now, "REFER", partial(_refer_answered, session), headers=headers)
    session.referring = True
    session.referring_end = session.wire.timers.start(
        now + _EXPIRES, lambda _: _tell(session, 408, "nothing was heard of it", final=True)
    )


def _refer_answered(session: Session, _now: float, response: Response | None) -> None:
    """Take the answer to our REFER; what comes of one that is accepted is told by NOTIFY."""
    if response is not None and response.status < 300:
        return
    status, reason = (408, "no answer") if response is None else (response.status, response.reason)
    _tell(session, status, reason, final=True)


def notified(session: Session, now: float, transaction: ServerTransaction) -> None:
    """Take a NOTIFY on our REFER. Raises RemoteProtocolError for one that is on something else or unreadable."""
    request = transaction.request
    event = (request.headers.get("event") or "").partition(";")[0].strip().lower()
    if event != "refer":
        raise RemoteProtocolError(489, "Bad Event", request)
    if not session.referring:
        session.respond(now, transaction, 481)
        return
    line = _FRAGMENT_LINE.match(request.body)
    if line is None or request.content_type != SIPFRAG:
        raise RemoteProtocolError(400, "No Status In Body", request)
    status = int(line[1])
    state = (request.headers.get("subscription-state") or "").partition(";")[0].strip().lower()
    session.respond(now, transaction, 200)
    _tell(
        session,
        status,
        (line[2] or b"").decode("utf-8", "replace"),
        final=status >= 200 or state == "terminated",
    )


def _tell(session: Session, status: int, reason: str, *, final: bool) -> None:
    if session.referring:
        if final:
            session.referring = False
            session.wire.timers.cancel(session.referring_end)
        session.wire.emit(TransferProgress(session.leg, status, reason, final))


def _refer_to(request: Request) -> Uri:
    """Return whom to call by a REFER (RFC 3515 section 2.1)."""
    lines = request.headers.get_all("refer-to")
    if len(lines) != 1:
        raise RemoteProtocolError(400, "Several Refer-To" if lines else "Missing Refer-To", request)
    target: NameAddr = parse_name_addr(lines[0])
    uri = target.uri
    if uri.scheme not in ("sip", "sips", "tel"):
        raise RemoteProtocolError(416, "Unsupported URI Scheme", request)
    if (uri.param("method") or "INVITE").upper() != "INVITE":
        raise RemoteProtocolError(501, "Only Calls Can Be Referred", request)
    return uri
