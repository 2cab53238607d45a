"""RTP packets (RFC 3550 section 5.1) as arrays and as bytes: field places, payload limits, sequence arithmetic.

G.711 and G.722 all carry 8 octets per millisecond and run an 8000 Hz RTP clock (RFC 3551 sections 4.5.2, 4.5.14),
so one tick of 20 ms is 160 octets and 160 clock ticks for each of them. The engine counts sound in quanta of 10 ms.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEADER = 12  # octets, without CSRCs and extension
VERSION = 0x80  # first octet of a plain packet: version 2, no padding, no extension, no CSRC
CLOCK = 8000  # Hz
QUANTUM = 80  # octets and clock ticks in 10 ms
FRAME = 160  # octets and clock ticks in one tick of the engine, 20 ms
TICK = 0.02  # seconds
MARKER = 0x80  # second octet, RFC 3551 section 4.1: first packet after a pause
COMFORT_NOISE = 13  # static payload type, RFC 3389
PACKET = 1500  # octets kept of a datagram: what an Ethernet frame carries

_HEADER = struct.Struct("!BBHII")


class Header(NamedTuple):
    """The fixed header of one packet."""

    first: int
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int


def read_header(packet: bytes | bytearray | memoryview) -> Header | None:
    """Read the fixed header; None if the packet is too short or not version 2."""
    if len(packet) < HEADER:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
    if first >> 6 != 2:
        return None
    return Header(first, bool(second & MARKER), second & 0x7F, sequence, timestamp, ssrc)


def write_header(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, *, marker: bool = False
) -> bytes:
    """Build a plain header of 12 octets."""
    second = payload_type | (MARKER if marker else 0)
    return _HEADER.pack(VERSION, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)


def payload_span(packet: bytes | bytearray | memoryview) -> tuple[int, int] | None:
    """Return start and end of the payload behind CSRCs, header extension and before padding.

    None if the packet contradicts itself (RFC 3550 section A.1).
    """
    size = len(packet)
    if size < HEADER or packet[0] >> 6 != 2:
        return None
    start = HEADER + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if start + 4 > size:
            return None
        start += 4 + 4 * ((packet[start + 2] << 8) | packet[start + 3])
    end = size
    if packet[0] & 0x20:
        padding = packet[size - 1]
        if padding == 0:
            return None
        end -= padding
    return (start, end) if start <= end else None


def is_rtcp(second: int) -> bool:
    """Tell RTCP on an RTP port by its second octet (RFC 5761 section 4)."""
    return 192 <= second <= 223


class Batch:
    """One round of received packets, at most one per leg, in reused memory.

    `octets` uint8[capacity, PACKET] holds packet i of leg `rows[i]`, `lengths[i]` octets long.
    """

    def __init__(self, capacity: int) -> None:
        memory = bytearray(capacity * PACKET)
        whole = memoryview(memory)
        self.capacity = capacity
        self.octets: NDArray[np.uint8] = np.frombuffer(memory, np.uint8).reshape(capacity, PACKET)
        self.be16 = self.octets.view(">u2")
        self.be32 = self.octets.view(">u4")
        self.views = [whole[i * PACKET : (i + 1) * PACKET] for i in range(capacity)]
        self.rows: list[int] = []
        self.lengths: list[int] = []

    def clear(self) -> None:
        """Forget the packets."""
        self.rows.clear()
        self.lengths.clear()

    def add(self, row: int, packet: bytes) -> None:
        """Append one packet; what is longer than PACKET is cut off."""
        size = min(len(packet), PACKET)
        self.views[len(self.rows)][:size] = packet[:size]
        self.rows.append(row)
        self.lengths.append(size)
