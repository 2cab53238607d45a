"""Bytes to messages (RFC 3261 sections 7.3.1, 8.2, 18.3 and 25.1)."""

from __future__ import annotations

import re

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.headers import Headers
from voipbin_sip.sip.model import Request, Response
from voipbin_sip.sip.params import TOKEN

MAX_MESSAGE = 65_535  # bytes, headers and body
MAX_HEADERS = 256  # lines after unfolding
MAX_LINE = 8192  # bytes of one line after unfolding

# Requests whose Contact we shall use (target refresh, section 12.2; registration, section 10.3).
_CONTACT_MATTERS = frozenset(("INVITE", "UPDATE", "REGISTER", "SUBSCRIBE", "REFER", "NOTIFY"))

_REQUEST_LINE = re.compile("(" + TOKEN + r") ([^\s]++) SIP/(\d{1,9}+\.\d{1,9}+)", re.ASCII | re.IGNORECASE)
_ODD_REQUEST_LINE = re.compile("(" + TOKEN + r")[ \t]++(.*\S)[ \t]++SIP/\d++\.\d++[ \t]*+", re.ASCII | re.I)
_STATUS_LINE = re.compile(r"SIP/(\d++\.\d++) ([1-6]\d\d)(?: (.*+))?", re.ASCII | re.IGNORECASE)
_LINE = re.compile(r"^(" + TOKEN + r")[ \t]*+:[ \t]*+(.*+)$", re.ASCII | re.MULTILINE)
_BARE_NUL = re.compile(r"(?<!\\)(?:\\\\)*+\0")  # the grammar knows NUL only as a quoted-pair
_FOLD = re.compile(r"\n[ \t]++")


def parse_message(data: bytes, *, stream: bool = False) -> Request | Response:
    """Parse one message: a datagram, or with `stream` what StreamFramer cut out of a connection.

    Checks start line, limits, Content-Length, Via, From, To, Call-ID, CSeq, the Request-URI, Max-Forwards,
    and the Contact and Record-Route of requests that set a dialog's target. Raises RemoteProtocolError only.
    """
    if len(data) > MAX_MESSAGE:
        raise RemoteProtocolError(513, "Message Too Large")
    start, lines, body = _cut(data)
    if start[:4].upper() == "SIP/":
        response = _response(start, lines, body or b"")
        _check(response, stream, whole=body is not None)
        return response
    request = _request(start, lines, body or b"")
    _check(request, stream, whole=body is not None)
    method = request.method
    if request.cseq.method != method:
        raise RemoteProtocolError(400, "CSeq Method Mismatch", request)
    _ = request.uri, request.max_forwards
    if method in _CONTACT_MATTERS:
        _ = request.contacts, request.record_routes
        if request.contact_star and method != "REGISTER":
            raise RemoteProtocolError(400, "Bad Contact", request)
    return request


def _cut(data: bytes) -> tuple[str, str, bytes | None]:
    """Cut a message into start line, header lines with bare LF and without folding, and what follows.

    The last is None if there is no empty line at the end of the headers.
    """
    if data[:1] in b"\r\n":  # section 7.5: empty lines before the start line are ignored
        data = data.lstrip(b"\r\n")
    end = data.find(b"\n\r\n")
    size = 3
    bare = data.find(b"\n\n", 0, end + 2 if end >= 0 else len(data))
    if bare >= 0:
        end, size = bare, 2
    rest = data[end + size :] if end >= 0 else None
    if end < 0:
        end = len(data.rstrip(b"\r\n"))
    text = data[:end].decode("utf-8", "surrogateescape")
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    start, _, lines = text.partition("\n")
    return start, lines, rest


def _headers(lines: str) -> Headers:
    """Return the header lines that are well formed."""
    found = _LINE.findall(lines)
    if " \n" in lines or "\t\n" in lines or lines[-1:] in (" ", "\t"):
        found = [(name, value.rstrip(" \t")) for name, value in found]
    return Headers.received(found)


def _fault(lines: str, headers: Headers) -> RemoteProtocolError | None:
    """Return what is wrong with the lines themselves."""
    if len(headers) > MAX_HEADERS:
        return RemoteProtocolError(513, "Too Many Headers")
    if len(headers) != (lines.count("\n") + 1 if lines else 0) or "\r" in lines:
        return RemoteProtocolError(400, "Malformed Header Line")
    if "\0" in lines and _BARE_NUL.search(lines):
        return RemoteProtocolError(400, "NUL In Header Line")
    if len(lines) > MAX_LINE and max(map(len, lines.split("\n"))) > MAX_LINE:
        return RemoteProtocolError(513, "Header Line Too Long")
    return None


def _request(start: str, lines: str, body: bytes) -> Request:
    match = _REQUEST_LINE.fullmatch(start) if len(start) <= MAX_LINE else None
    if match is not None:
        method, uri, version = match.groups()
        request = Request(method, uri, _headers(lines), body)
        if version != "2.0":
            raise RemoteProtocolError(505, "Version Not Supported", request)
    else:
        odd = _ODD_REQUEST_LINE.fullmatch(start) if len(start) <= MAX_LINE else None
        understood = Request(odd[1], odd[2], _headers(lines), body) if odd else None
        raise RemoteProtocolError(400, "Malformed Request-Line", understood)
    if fault := _fault(lines, request.headers):
        raise fault.for_request(request)
    return request


def _response(start: str, lines: str, body: bytes) -> Response:
    match = _STATUS_LINE.fullmatch(start) if len(start) <= MAX_LINE else None
    if match is None or match[1] != "2.0" or "\r" in start or "\0" in start:
        raise RemoteProtocolError(400, "Malformed Status-Line")
    response = Response(int(match[2]), match[3] or "", _headers(lines), body)
    if fault := _fault(lines, response.headers):
        raise fault
    return response


def _check(message: Request | Response, stream: bool, whole: bool) -> None:
    """Check the mandatory headers (section 8.1.1) and the length of the body (section 18.3)."""
    request = message if isinstance(message, Request) else None
    if not whole:
        raise RemoteProtocolError(400, "No Empty Line After The Headers", request)
    _ = message.vias, message.from_, message.to, message.call_id, message.cseq
    length = message.content_length
    body = message.body
    if length is None:
        if stream:
            raise RemoteProtocolError(400, "Missing Content-Length", request)
    elif length > len(body):
        raise RemoteProtocolError(400, "Body Shorter Than Content-Length", request)
    elif length < len(body):
        message.body = body[:length]
