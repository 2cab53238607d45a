"""Session descriptions in message bodies, alone or as a part of multipart/mixed (RFC 3261 7.4, RFC 5621)."""

from __future__ import annotations

import re

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.params import find_param, parse_params
from voipbin_sip.sip.sdp import SessionDescription, parse_sdp

SDP = "application/sdp"
_MAX_PARTS = 16
_PART_TYPE = re.compile(rb"^(?:content-type|c)[ \t]*:[ \t]*([^;\r\n]*)", re.IGNORECASE | re.MULTILINE)


def session_description(message: Request | Response) -> SessionDescription | None:
    """Return the message's session description, None if it has none.

    Raises RemoteProtocolError: 415 for a body that we cannot read and may not ignore (RFC 3261 8.2.3), 400 or 488
    for a description that is broken.
    """
    body = message.body
    if not body:
        return None
    encoding = message.headers.get("content-encoding")
    if encoding is not None and encoding.strip().lower() not in ("identity", ""):
        raise RemoteProtocolError(415, "Content-Encoding Not Supported")
    kind = message.content_type
    if kind == SDP:
        return parse_sdp(body)
    if kind == "multipart/mixed" or kind == "multipart/alternative":
        part = _sdp_part(body, message.headers.get("content-type") or "")
        return None if part is None else parse_sdp(part)
    if kind is None:
        raise RemoteProtocolError(400, "Body Without Content-Type")
    if _optional(message):
        return None
    raise RemoteProtocolError(415, "Unsupported Media Type")


def _optional(message: Request | Response) -> bool:
    """Return whether the body may be ignored (handling=optional, RFC 3261 20.11)."""
    disposition = message.headers.get("content-disposition") or ""
    _, semicolon, params = disposition.partition(";")
    return find_param(parse_params(semicolon + params), "handling") == "optional"


def _sdp_part(body: bytes, content_type: str) -> bytes | None:
    """Return the session description within a multipart body (RFC 2046 section 5.1)."""
    _, semicolon, params = content_type.partition(";")
    boundary = find_param(parse_params(semicolon + params), "boundary")
    if not boundary:
        raise RemoteProtocolError(400, "Multipart Body Without Boundary")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("utf-8", "surrogateescape"))
    if len(parts) > _MAX_PARTS:
        raise RemoteProtocolError(400, "Too Many Body Parts")
    for part in parts[1:]:
        head, blank, content = part.partition(b"\r\n\r\n")
        found = _PART_TYPE.search(head)
        if blank and found is not None and found[1].strip().lower() == SDP.encode():
            return content
    return None
