"""Session descriptions (RFC 8866): read generously, kept whole, written in the order that the RFC wants."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.payload_types import STATIC_PAYLOADS, RtpMap
from voipbin_sip.sip.sdes import Crypto, read_crypto

Lines: TypeAlias = tuple[tuple[str, str], ...]
Attributes: TypeAlias = tuple[tuple[str, str | None], ...]

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_MEDIA = re.compile(r"([-\w.!%*+]++) ++(\d{1,5}+)(?:/(\d{1,5}+))?+ ++([-\w.!%*+/]++) ++(\S.*+)", re.ASCII)
_RTPMAP = re.compile(r"(\d{1,3}+)[ \t]++([^\s/]++)/(\d{1,9}+)(?:/(\d{1,3}+))?+[ \t]*+", re.ASCII)
_FMTP = re.compile(r"(\d{1,3}+)[ \t]++(\S.*+)", re.ASCII)
_RTCP = re.compile(r"(\d{1,5}+)(?: ++IN ++IP[46] ++(\S++))?+ *+", re.ASCII)
_RANK = {
    letter: rank
    for rank, letters in enumerate(("i", "u", "e", "p", "b", "tr", "z", "k"))
    for letter in letters
}
_BEFORE_CONNECTION = "iuep"


@dataclass(frozen=True, slots=True)
class Connection:
    """A c= line: where media go. `host` is without a multicast address's TTL."""

    host: str
    family: str = "IP4"

    def __str__(self) -> str:
        return f"IN {self.family} {self.host}"


@dataclass(frozen=True, slots=True)
class Origin:
    """An o= line; numbers as written."""

    username: str
    session_id: str
    version: str
    host: str
    family: str = "IP4"

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.family} {self.host}"


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """An m= line with what follows it. `lines` are those that are neither c= nor a=, in the RFC's order."""

    kind: str  # "audio", "video", …
    port: int
    proto: str
    formats: tuple[str, ...]
    port_count: int = 1
    connections: tuple[Connection, ...] = ()
    attributes: Attributes = field(default=(), repr=False)  # a=crypto has keys
    lines: Lines = ()

    def attribute(self, name: str) -> str | None:
        """Return the first value of an attribute, "" for a flag, None if it is not there."""
        return _attribute(self.attributes, name)

    @property
    def crypto(self) -> list[Crypto]:
        """The a=crypto lines that can be used (RFC 4568)."""
        return read_crypto([value for name, value in self.attributes if name == "crypto" and value])

    @property
    def rtpmaps(self) -> dict[int, RtpMap]:
        """The encodings by payload type: those written, and the static ones among `formats`."""
        maps = {
            int(number): STATIC_PAYLOADS[int(number)]
            for number in self.formats
            if number.isascii() and number.isdigit() and len(number) <= 2 and int(number) in STATIC_PAYLOADS
        }
        for name, value in self.attributes:
            if name == "rtpmap" and value and (match := _RTPMAP.fullmatch(value)):
                maps[int(match[1])] = RtpMap(match[2], int(match[3]), int(match[4] or 1))
        return maps

    @property
    def fmtps(self) -> dict[int, str]:
        """The format parameters by payload type."""
        found = (_FMTP.fullmatch(value) for name, value in self.attributes if name == "fmtp" and value)
        return {int(match[1]): match[2] for match in found if match}

    @property
    def ptime(self) -> int | None:
        """The packet length in ms that the other side would like to receive."""
        return _milliseconds(self.attribute("ptime"))

    @property
    def maxptime(self) -> int | None:
        """The longest packet in ms that the other side can receive."""
        return _milliseconds(self.attribute("maxptime"))

    @property
    def rtcp_port(self) -> int:
        """Where RTCP goes: as a=rtcp says (RFC 3605), else the port above; 0 if there is none."""
        match = _RTCP.fullmatch(self.attribute("rtcp") or "")
        port = int(match[1]) if match else self.port + 1
        return port if port <= 65535 else 0


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description. `lines` are those of the session that are none of v= o= s= c= a=."""

    origin: Origin
    name: str = "-"
    connection: Connection | None = None
    media: tuple[MediaDescription, ...] = ()
    attributes: Attributes = ()
    lines: Lines = (("t", "0 0"),)

    def attribute(self, name: str) -> str | None:
        """Return the first value of a session attribute, "" for a flag, None if it is not there."""
        return _attribute(self.attributes, name)

    def connection_of(self, media: MediaDescription) -> Connection | None:
        """Return where a medium goes: its own first c= line, else the session's."""
        return media.connections[0] if media.connections else self.connection

    def direction_of(self, media: MediaDescription) -> str:
        """Return a medium's direction, which the session may set for all (RFC 8866 section 6.7)."""
        for attributes in (media.attributes, self.attributes):
            for name, _ in attributes:
                if name in DIRECTIONS:
                    return name
        return "sendrecv"

    def to_bytes(self) -> bytes:
        """Return the description as a message body. Raises LocalProtocolError for what would break a line."""
        out = ["v=0", f"o={self.origin}", f"s={self.name}"]
        connections = () if self.connection is None else (self.connection,)
        out += _section(self.lines, connections, self.attributes)
        for media in self.media:
            ports = f"{media.port}/{media.port_count}" if media.port_count != 1 else str(media.port)
            out.append(f"m={media.kind} {ports} {media.proto} {' '.join(media.formats)}")
            out += _section(media.lines, media.connections, media.attributes)
        text = "\n".join(out)
        if "\r" in text or "\0" in text or text.count("\n") != len(out) - 1:
            raise LocalProtocolError("CR, LF or NUL in a session description")
        return (text.replace("\n", "\r\n") + "\r\n").encode("utf-8", "surrogateescape")


def _section(lines: Lines, connections: tuple[Connection, ...], attributes: Attributes) -> list[str]:
    out = [f"{letter}={value}" for letter, value in lines if letter in _BEFORE_CONNECTION]
    out += [f"c={connection}" for connection in connections]
    out += [f"{letter}={value}" for letter, value in lines if letter not in _BEFORE_CONNECTION]
    out += [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]
    return out


def _attribute(attributes: Attributes, name: str) -> str | None:
    for key, value in attributes:
        if key == name:
            return value or ""
    return None


def _milliseconds(text: str | None) -> int | None:
    digits = (text or "").partition(".")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else None


def parse_sdp(body: bytes) -> SessionDescription:
    """Parse a body of type application/sdp; raises RemoteProtocolError (400).

    Line ends may be LF; s= and t= may be missing; unknown lines and attributes are kept.
    """
    lines = _split(body)
    if not lines or lines[0] != ("v", "0"):
        raise RemoteProtocolError(400, "SDP Without v=0")
    if len(lines) < 2 or lines[1][0] != "o":
        raise RemoteProtocolError(400, "SDP Without Origin")
    starts = [position for position, (letter, _) in enumerate(lines) if letter == "m"]
    session = _Section(lines[2 : starts[0] if starts else len(lines)])
    name = next((value for letter, value in session.lines if letter == "s"), "-")
    return SessionDescription(
        origin=_origin(lines[1][1]),
        name=name,
        connection=session.connections[0] if session.connections else None,
        media=tuple(
            _media(lines[start][1], _Section(lines[start + 1 : end]))
            for start, end in pairwise([*starts, len(lines)])
        ),
        attributes=session.attributes,
        lines=tuple(line for line in session.lines if line[0] != "s"),
    )


def _split(body: bytes) -> list[tuple[str, str]]:
    text = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    if "\r" in text or "\0" in text:
        raise RemoteProtocolError(400, "Malformed SDP Line")
    found = []
    for line in text.split("\n"):
        if line:
            if line[1:2] != "=":
                raise RemoteProtocolError(400, "Malformed SDP Line")
            found.append((line[0], line[2:].strip(" \t")))
    return found


class _Section:
    """The lines of the session or of one medium, sorted out."""

    __slots__ = ("attributes", "connections", "lines")

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self.connections = tuple(_connection(value) for letter, value in lines if letter == "c")
        attributes = []
        for letter, value in lines:
            if letter == "a":
                name, colon, rest = value.partition(":")
                attributes.append((name, rest if colon else None))
        self.attributes: Attributes = tuple(attributes)
        rest_lines = [line for line in lines if line[0] not in "ac"]
        rest_lines.sort(key=lambda line: _RANK.get(line[0], len(_RANK)))
        self.lines: Lines = tuple(rest_lines)


def _connection(text: str) -> Connection:
    parts = text.split()
    if len(parts) != 3 or parts[0].upper() != "IN" or parts[1].upper() not in ("IP4", "IP6"):
        raise RemoteProtocolError(400, "Bad SDP Connection")
    return Connection(parts[2].partition("/")[0], parts[1].upper())


def _origin(text: str) -> Origin:
    parts = text.split()
    if len(parts) != 6:
        raise RemoteProtocolError(400, "Bad SDP Origin")
    return Origin(parts[0], parts[1], parts[2], parts[5], parts[4])


def _media(text: str, section: _Section) -> MediaDescription:
    match = _MEDIA.fullmatch(text)
    if match is None or int(match[2]) > 65535:
        raise RemoteProtocolError(400, "Bad SDP Media Line")
    return MediaDescription(
        kind=match[1].lower(),
        port=int(match[2]),
        proto=match[4],
        formats=tuple(match[5].split()),
        port_count=int(match[3] or 1),
        connections=section.connections,
        attributes=section.attributes,
        lines=section.lines,
    )
