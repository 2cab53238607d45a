"""AudioSocket, Asterisk's protocol for a call's sound over TCP: a kind, a length of 16 bits, a payload.

Sound is int16, little endian, 8 kHz, mono. Who connects says first which call it is (16 octets of UUID).
"""

from __future__ import annotations

import struct
from uuid import UUID

HANG_UP = 0x00
ID = 0x01
SOUND = 0x10
ERROR = 0xFF
_HEADER = struct.Struct("!BH")


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Return one message; raises ValueError where the payload is longer than its length can say."""
    if len(payload) > 0xFFFF:
        raise ValueError(f"{len(payload)} octets are too many for one AudioSocket message")
    return _HEADER.pack(kind, len(payload)) + payload


def introduction(call: UUID) -> bytes:
    """Return what is said first."""
    return frame(ID, call.bytes)


class Reader:
    """Cuts a stream of octets into messages; what is incomplete waits, 64 kB at most."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, octets: bytes) -> list[tuple[int, bytes]]:
        """Return the messages that are complete now, as kind and payload."""
        self._waiting += octets
        found = []
        while len(self._waiting) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._waiting)
            end = _HEADER.size + length
            if len(self._waiting) < end:
                break
            found.append((kind, bytes(self._waiting[_HEADER.size : end])))
            del self._waiting[:end]
        return found
