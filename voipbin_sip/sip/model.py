"""What is in a SIP message (RFC 3261 sections 7, 8.1.1 and 20).

Headers are parsed when asked for, once. `parse_message` has already looked at all that a message cannot be
handled without; after it only `contacts`, `routes` and `record_routes` may raise RemoteProtocolError (400,
with the request): in responses, and in requests that do not need them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from voipbin_sip.sip.cseq import CSeq, parse_cseq
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.headers import Headers
from voipbin_sip.sip.name_addr import NameAddr, parse_name_addr, parse_name_addr_list
from voipbin_sip.sip.params import split_commas
from voipbin_sip.sip.uri import Uri, parse_uri
from voipbin_sip.sip.via import Via, parse_via

T = TypeVar("T")


class _Message:
    """What requests and responses have in common."""

    __slots__ = ()
    headers: Headers
    body: bytes

    def _parsed(self, key: str, parse: Callable[[_Message], T]) -> T:
        cache = self.headers.cache
        if (cached := cache.get(key, cache)) is not cache:
            return cast(T, cached)
        try:
            value = parse(self)
        except RemoteProtocolError as error:
            raise error.for_request(self if isinstance(self, Request) else None) from None
        cache[key] = value
        return value

    def _single(self, name: str) -> str:
        """Return the value of a header that must be there exactly once."""
        lines = self.headers.lines(name)
        if lines is None or len(lines) != 1:
            raise RemoteProtocolError(400, f"{'Several' if lines else 'Missing'} {name.title()}")
        return lines[0]

    @property
    def vias(self) -> tuple[Via, ...]:
        """All hops, the top one first."""
        return self._parsed("vias", _vias)

    @property
    def via(self) -> Via:
        """The top hop."""
        return self._parsed("vias", _vias)[0]

    @property
    def from_(self) -> NameAddr:
        """The From header."""
        return self._parsed("from", _from)

    @property
    def to(self) -> NameAddr:
        """The To header."""
        return self._parsed("to", _to)

    @property
    def call_id(self) -> str:
        """The Call-ID, which is compared byte by byte."""
        return self._parsed("call-id", _call_id)

    @property
    def cseq(self) -> CSeq:
        """The CSeq header."""
        return self._parsed("cseq", _cseq)

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """All Contacts; none for `Contact: *`, which `contact_star` tells."""
        return self._parsed("contacts", _contacts)

    @property
    def contact_star(self) -> bool:
        """Whether the Contact is `*` (RFC 3261 section 10.2.2)."""
        return self.headers.get("contact") == "*"

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """The Record-Route values in the order of the message."""
        return self._parsed("record-route", _record_routes)

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """The Route values in the order of the message."""
        return self._parsed("route", _routes)

    @property
    def content_type(self) -> str | None:
        """The media type of the body, lower case and without parameters."""
        value = self.headers.get("content-type")
        return None if value is None else value.partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int | None:
        """The Content-Length as written."""
        return self._parsed("content-length", _content_length)

    def _to_bytes(self, start: str) -> bytes:
        lines = [start]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append("\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


@dataclass(slots=True)
class Request(_Message):
    """A request. `uri_text` is the Request-URI as received, `uri` what it says."""

    method: str
    uri_text: str
    headers: Headers
    body: bytes = b""

    @property
    def uri(self) -> Uri:
        """The Request-URI."""
        return self._parsed("request-uri", _request_uri)

    @property
    def max_forwards(self) -> int | None:
        """The Max-Forwards header, None if there is none (RFC 2543)."""
        return self._parsed("max-forwards", _max_forwards)

    def to_bytes(self) -> bytes:
        """Return the message as it goes over the wire."""
        return self._to_bytes(f"{self.method} {self.uri_text} SIP/2.0")


@dataclass(slots=True)
class Response(_Message):
    """A response."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the message as it goes over the wire."""
        return self._to_bytes(f"SIP/2.0 {self.status} {self.reason}")


def _vias(message: _Message) -> tuple[Via, ...]:
    lines = message.headers.lines("via")
    if lines is None:
        raise RemoteProtocolError(400, "Missing Via")
    if len(lines) == 1 and "," not in lines[0]:
        return (parse_via(lines[0]),)
    return tuple(parse_via(item) for line in lines for item in split_commas(line))


def _from(message: _Message) -> NameAddr:
    return parse_name_addr(message._single("from"))


def _to(message: _Message) -> NameAddr:
    return parse_name_addr(message._single("to"))


def _call_id(message: _Message) -> str:
    value = message._single("call-id")
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise RemoteProtocolError(400, "Bad Call-ID")
    return value


def _cseq(message: _Message) -> CSeq:
    return parse_cseq(message._single("cseq"))


def _contacts(message: _Message) -> tuple[NameAddr, ...]:
    lines = message.headers.lines("contact")
    if lines is None or lines == ["*"]:
        return ()
    return parse_name_addr_list(lines)


def _record_routes(message: _Message) -> tuple[NameAddr, ...]:
    return _route_set(message, "record-route")


def _routes(message: _Message) -> tuple[NameAddr, ...]:
    return _route_set(message, "route")


def _route_set(message: _Message, name: str) -> tuple[NameAddr, ...]:
    lines = message.headers.lines(name)
    return parse_name_addr_list(lines) if lines else ()


def _content_length(message: _Message) -> int | None:
    lines = message.headers.lines("content-length")
    if lines is None:
        return None
    if any(line != lines[0] for line in lines):
        raise RemoteProtocolError(400, "Several Content-Length")
    return _number(lines[0], "Content-Length", 2**31)


def _max_forwards(message: _Message) -> int | None:
    lines = message.headers.lines("max-forwards")
    return None if lines is None else _number(message._single("max-forwards"), "Max-Forwards", 256)


def _number(text: str, name: str, limit: int) -> int:
    """Return a decimal below the limit."""
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        if len(digits) <= 10 and (number := int(digits or "0")) < limit:
            return number
    raise RemoteProtocolError(400, f"Bad {name}")


def _request_uri(message: _Message) -> Uri:
    assert isinstance(message, Request)
    uri = parse_uri(message.uri_text)
    if uri.headers:  # section 19.1.1, table 1: not allowed in a Request-URI
        raise RemoteProtocolError(400, "Headers In Request-URI")
    return uri
