"""Messages of our own: responses that mirror a request (RFC 3261 section 8.2.6), requests (section 8.1.1)."""

from __future__ import annotations

from collections.abc import Iterable

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.headers import COMPACT, Headers
from voipbin_sip.sip.model import Request, Response
from voipbin_sip.sip.name_addr import NameAddr
from voipbin_sip.sip.params import is_token, refuse_unwritable, split_commas
from voipbin_sip.sip.status import REASONS
from voipbin_sip.sip.uri import Uri
from voipbin_sip.sip.via import Via, parse_via

_DIALOG_FORMING = frozenset(("INVITE", "SUBSCRIBE", "REFER"))  # section 12.1, RFC 6665, RFC 3515
_MIRRORED = {"from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}


def make_response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
    received: tuple[str, int] | None = None,
) -> Response:
    """Return a response that copies what it must from the request, byte by byte.

    `received` is the request's source address and port: the top Via is marked with it as RFC 3261
    section 18.2.1 and RFC 3581 section 4 say. `to_tag` is added if the request's To has no tag and the status
    is not 100.
    Works on the broken requests of RemoteProtocolError too; it then copies what is there.
    Raises LocalProtocolError for anything that must not be written.
    """
    if not 100 <= status <= 699:
        raise LocalProtocolError(f"not a SIP status: {status}")
    reason = REASONS.get(status, "Unknown") if reason is None else refuse_unwritable(reason)
    if to_tag and not is_token(to_tag):
        raise LocalProtocolError(f"not a tag: {to_tag[:60]!r}")
    keep_routes = 100 < status < 300 and request.method in _DIALOG_FORMING
    lines: list[tuple[str, str]] = []
    missing = {"from", "to", "call-id", "cseq"}  # one each, however many a broken request has
    for name, value in request.headers:
        key = name.lower()
        if len(key) == 1:
            key = COMPACT.get(key, key)
        if key == "via":
            if received is not None:  # the top one
                value = _marked(value, *received)
                received = None
            lines.append(("Via", value))
        elif key in missing:
            missing.discard(key)
            if key == "to" and to_tag and status != 100 and not _has_tag(request, value):
                value = f"{value};tag={to_tag}"
            lines.append((_MIRRORED[key], value))
        elif (keep_routes and key == "record-route") or (status == 100 and key == "timestamp"):
            lines.append((name, value))
    return Response(status, reason, _finished(lines, headers, body, content_type), body)


def make_request(
    method: str,
    uri: Uri | str,
    *,
    via: Via | str,
    from_: NameAddr | str,
    to: NameAddr | str,
    call_id: str,
    cseq: int,
    max_forwards: int = 70,
    contact: NameAddr | str | None = None,
    routes: Iterable[NameAddr | str] = (),
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Request:
    """Return a request. Raises LocalProtocolError for anything that must not be written."""
    uri_text = refuse_unwritable(str(uri))
    if not is_token(method) or not uri_text or " " in uri_text:
        raise LocalProtocolError(f"not a request line: {method[:60]!r} {uri_text[:60]!r}")
    if not 0 <= cseq < 2**31:
        raise LocalProtocolError(f"CSeq out of range: {cseq}")
    lines = [("Via", str(via)), ("Max-Forwards", str(max_forwards))]
    lines += [("Route", str(route)) for route in routes]
    lines += [("From", _party(from_)), ("To", _party(to)), ("Call-ID", call_id), ("CSeq", f"{cseq} {method}")]
    if contact is not None:
        lines.append(("Contact", str(contact)))
    for _, value in lines:
        refuse_unwritable(value)
    return Request(method, uri_text, _finished(lines, headers, body, content_type), body)


def _party(party: NameAddr | str) -> str:
    """Return a From or To value; one that the peer wrote may hold NUL as a quoted-pair, which we do not write."""
    return str(party).replace("\\\0", "")


def _finished(
    lines: list[tuple[str, str]], headers: Iterable[tuple[str, str]], body: bytes, content_type: str | None
) -> Headers:
    for name, value in headers:
        if not is_token(name):
            raise LocalProtocolError(f"not a header name: {name[:60]!r}")
        lines.append((name, refuse_unwritable(value)))
    if content_type is not None:
        lines.append(("Content-Type", refuse_unwritable(content_type)))
    lines.append(("Content-Length", str(len(body))))
    return Headers.received(lines)


def _marked(line: str, host: str, port: int) -> str:
    """Return a line of Via values, the first of them marked with the source; unreadable ones as they are."""
    try:
        first, *rest = split_commas(line)
        return ", ".join([str(parse_via(first).with_source(host, port)), *rest])
    except RemoteProtocolError:
        return line


def _has_tag(request: Request, value: str) -> bool:
    try:
        return request.to.tag is not None
    except RemoteProtocolError:  # of a request that is refused; its To may be unreadable
        return "tag" in value.lower()
