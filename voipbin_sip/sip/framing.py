"""Cutting a byte stream into messages (RFC 3261 sections 7.5 and 18.3) and keep-alives (RFC 5626 section 4.4.1)."""

from __future__ import annotations

import re
from enum import Enum

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.parse import MAX_MESSAGE, parse_message

_LENGTH = re.compile(
    rb"^(?:content-length|l)[ \t]*+:(?:[ \t]|\r?\n[ \t])*+(\d{1,10}+)[ \t]*+\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_BLANKS = b"\r\n \t\0"


class KeepAlive(Enum):
    """Line ends between messages."""

    PING = "ping"  # a double CRLF: to be answered with `PONG_BYTES`
    PONG = "pong"  # a single CRLF: answers a ping of ours


PING_BYTES = b"\r\n\r\n"
PONG_BYTES = b"\r\n"


def is_keepalive(datagram: bytes) -> bool:
    """Return whether a datagram only keeps a NAT binding open (empty, line ends, zeros): drop it silently."""
    return not datagram.strip(_BLANKS)


class StreamFramer:
    """Cuts what one connection receives; one for each connection.

    On a stream Content-Length is mandatory: without a usable one there is no way to find the next message.
    """

    __slots__ = ("_buffer", "_fault", "_needed", "_pong", "_scanned")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # where to go on looking for the end of the headers
        self._needed = 0  # size of the message whose headers are complete
        self._pong = False  # the CRLF reported last as a pong may be the first half of a ping
        self._fault: RemoteProtocolError | None = None

    def feed(self, data: bytes) -> list[bytes | KeepAlive]:
        """Take bytes, return the messages and keep-alives that they complete.

        Raises RemoteProtocolError when the stream cannot be followed any further: answer its request, if it has
        one, and close the connection. What was complete before the fault is returned first, then the next call
        raises.
        """
        if self._fault is not None:
            raise self._fault
        self._buffer += data
        found: list[bytes | KeepAlive] = []
        try:
            while (item := self._next()) is not None:
                found.append(item)
        except RemoteProtocolError as fault:
            self._fault = fault
            self._buffer.clear()
            if not found:
                raise
        return found

    @property
    def pending(self) -> bool:
        """Whether the stream stands in the middle of a message, or cannot be followed any further."""
        return bool(self._buffer) or self._fault is not None

    def _next(self) -> bytes | KeepAlive | None:
        buffer = self._buffer
        if not self._needed:
            if buffer and buffer[0] in b"\r\n":
                return self._line_end()
            end = self._end_of_headers()
            if end < 0:
                if len(buffer) > MAX_MESSAGE:
                    raise RemoteProtocolError(513, "Message Too Large")
                return None
            self._needed = end + _body_length(bytes(buffer[:end]))
        if len(buffer) < self._needed:
            return None
        message = bytes(buffer[: self._needed])
        del buffer[: self._needed]
        self._needed = self._scanned = 0
        self._pong = False
        return message

    def _line_end(self) -> KeepAlive | None:
        """Take one line end that stands before a message."""
        buffer = self._buffer
        if buffer == b"\r":
            return None
        del buffer[: 2 if buffer[:2] == b"\r\n" else 1]
        if self._pong:
            self._pong = False
            return KeepAlive.PING
        if buffer[:2] == b"\r\n":
            del buffer[:2]
            return KeepAlive.PING
        self._pong = True
        return KeepAlive.PONG

    def _end_of_headers(self) -> int:
        """Return the size of start line, headers and empty line, -1 if they are not complete."""
        buffer = self._buffer
        start = max(0, self._scanned - 2)
        end = buffer.find(b"\n\r\n", start)
        bare = buffer.find(b"\n\n", start, end + 2 if end >= 0 else len(buffer))
        if bare >= 0:
            return bare + 2
        self._scanned = len(buffer)
        return end + 3 if end >= 0 else -1


def _body_length(head: bytes) -> int:
    """Return the Content-Length of complete headers; raises RemoteProtocolError if they cannot be followed."""
    lengths = {int(digits) for digits in _LENGTH.findall(head)}
    if len(lengths) == 1 and len(head) + (length := lengths.pop()) <= MAX_MESSAGE:
        return length
    try:
        message = parse_message(head, stream=True)
    except RemoteProtocolError as error:  # says what is wrong, and knows the request to be answered
        if error.reason == "Body Shorter Than Content-Length":
            raise RemoteProtocolError(513, "Message Too Large", error.request) from None
        raise
    raise RemoteProtocolError(
        400, "Content-Length Cannot Be Followed", message if isinstance(message, Request) else None
    )
