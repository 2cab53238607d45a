"""A peer and its network for tests of the engine: streams of RTP with every fault that lines have, on a fake clock.

`Line` is the engine's network: packets in lists, one queue per row, nothing sent anywhere. `Peer` writes a stream
of packets with arrival times; its faults are drawn from a seeded generator, so that every run is the same.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.latch import Address
from media.rtp import Batch

QUANTUM = 80
PEER: Address = ("192.0.2.7", 40000)


def rtp(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    *,
    marker: bool = False,
    csrcs: int = 0,
    extension: int = -1,
    padding: int = 0,
) -> bytes:
    """Build a packet (RFC 3550 section 5.1); `extension` counts 32-bit words, -1: none."""
    first = 0x80 | csrcs | (0x10 if extension >= 0 else 0) | (0x20 if padding else 0)
    header = struct.pack(
        "!BBHII",
        first,
        payload_type | (0x80 if marker else 0),
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    header += bytes(4 * csrcs)
    if extension >= 0:
        header += struct.pack("!HH", 0xBEDE, extension) + bytes(4 * extension)
    return header + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


class Line:
    """`media.io.PacketIO` without a network."""

    def __init__(self) -> None:
        self.waiting: dict[int, deque[bytes]] = {}
        self.taken: dict[int, list[bytes]] = {}  # by row, what the engine has read since the last look
        self.sent: dict[int, list[bytes]] = {}
        self.locked: set[int] = set()
        self._octets = np.zeros((0, 0), np.uint8)

    def open(self, row: int, leg: int) -> None:
        self.waiting[row] = deque()
        self.taken[row], self.sent[row] = [], []

    def attach(self, octets: NDArray[np.uint8]) -> None:
        self._octets = octets

    def rx(self, batch: Batch) -> int:
        batch.clear()
        for row in self.locked:
            if self.waiting[row]:
                batch.add(row, self._take(row))
        return len(batch.rows)

    def rx_open(self) -> list[tuple[int, bytes, Address]]:
        return [
            (row, self._take(row), PEER)
            for row, queue in self.waiting.items()
            if queue and row not in self.locked
        ]

    def _take(self, row: int) -> bytes:
        packet = self.waiting[row].popleft()
        self.taken[row].append(packet)
        return packet

    def tx(self, rows: Iterable[int], size: int) -> None:
        for row in rows:
            self.sent[row].append(self._octets[row, :size].tobytes())

    def tx_packet(self, row: int, packet: bytes) -> None:
        self.sent[row].append(packet)

    def aim(self, row: int, address: Address) -> None:
        self.locked.discard(row)

    def lock(self, row: int, address: Address) -> list[bytes]:
        self.locked.add(row)
        return []

    def rx_rtcp(self) -> list[tuple[int, bytes, Address]]:
        return []

    def tx_rtcp(self, row: int, packet: bytes, address: Address) -> None:
        pass

    def pause(self, row: int) -> None:
        pass

    def close(self, row: int) -> None:
        self.locked.discard(row)


@dataclass(frozen=True)
class Faults:
    """What a line does to a stream; probabilities are per packet, times in seconds."""

    ptime: int = 20  # ms
    loss: float = 0
    burst: float = 0  # a run of 2 to 12 packets is lost
    duplicate: float = 0
    late_duplicate: float = 0  # another copy, up to 0.5 s later
    jitter: float = 0  # delay is drawn from 0 to this
    spike: float = 0  # a delay of 50 to 400 ms for one packet
    stall: float = 0  # the network stops for 60 to 600 ms and then delivers everything
    skew: float = 0  # of the peer's clock against ours: 500e-6 is fast by 500 ppm
    silence: float = 0  # the peer stops sending for 100 to 800 ms, its timestamps go on (DTX)
    jump: float = 0  # timestamps jump by anything
    step: float = 0  # timestamps jump by less than half a second, either way
    shift: float = 0  # timestamps change their phase against 10 ms
    restart: float = 0  # a new SSRC with new numbers
    ptime_change: float = 0
    dressed: float = 0  # CSRCs, header extension or padding
    recode: float = 0  # the peer goes over to the other of `payload_types`
    stray: float = 0  # another payload type, comfort noise, RTCP, garbage


@dataclass(frozen=True, order=True)
class Arrival:
    """A packet and when it comes."""

    at: float
    number: int
    packet: bytes


class Peer:
    """Writes one stream. Every quantum of sound is different, so that `quanta` tells which one was heard."""

    def __init__(
        self, seed: int, faults: Faults, payload_type: int = 0, payload_types: tuple[int, ...] = ()
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._faults = faults
        self._payload_type = payload_type
        self._payload_types = payload_types  # that it goes over to
        self.sequence = int(self._rng.choice([0, 65530, int(self._rng.integers(65536))]))
        self.timestamp = int(self._rng.choice([0, 2**32 - 800, int(self._rng.integers(2**32))]))
        self.ssrc = int(self._rng.integers(1, 2**32))
        self.ptime = faults.ptime
        self._blocked_until = 0.0
        self._lose = 0
        self.quanta: dict[bytes, tuple[int, float]] = {}  # sound to its number and the time it was spoken

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._rng.random() < probability

    def stream(self, seconds: float) -> list[Arrival]:
        """Return the packets of so many seconds in order of arrival."""
        arrivals: list[Arrival] = []
        spoken = 0.0
        while spoken < seconds:
            self._change()
            if self._happens(self._faults.silence):
                pause = int(self._rng.integers(5, 40)) * 20
                spoken += pause / 1000
                self.timestamp += 8 * pause
            packet = self._packet(spoken)
            spoken += self.ptime / 1000 / (1 + self._faults.skew)
            self._send(arrivals, packet, spoken)
            if self._happens(self._faults.stray):
                self._send(arrivals, self._stray(), spoken)
        return sorted(arrivals)

    def _change(self) -> None:
        """Do to the stream what happens at its source."""
        faults, rng = self._faults, self._rng
        if self._happens(faults.jump):
            self.timestamp += int(rng.integers(2**32))
        if self._happens(faults.step):
            self.timestamp += int(rng.integers(-50, 51)) * QUANTUM
        if self._happens(faults.shift):
            self.timestamp += int(rng.integers(1, 80))
        if self._happens(faults.restart):
            self.ssrc, self.sequence = int(rng.integers(1, 2**32)), int(rng.integers(65536))
            self.timestamp = int(rng.integers(2**32))
        if self._happens(faults.recode):
            self._payload_type = int(rng.choice(self._payload_types))
        if self._happens(faults.ptime_change):
            self.ptime = int(rng.choice([10, 20, 30, 40, 60]))
        self.timestamp %= 1 << 32

    def _packet(self, spoken: float) -> bytes:
        """Build the next audio packet."""
        count = self.ptime // 10
        # Loud octets: neither concealment nor silence looks like them.
        sound = self._rng.integers(0, 48, (count, QUANTUM)) + 128 * self._rng.integers(0, 2, (count, QUANTUM))
        for place, octets in enumerate(sound.astype(np.uint8)):
            self.quanta[octets.tobytes()] = (len(self.quanta), spoken + place / 100)
        csrcs, extension, padding = 0, -1, 0
        if self._happens(self._faults.dressed):
            csrcs, extension = int(self._rng.integers(0, 4)), int(self._rng.integers(-1, 4))
            padding = int(self._rng.choice([0, 1, 4, 12]))
        payload = sound.astype(np.uint8).tobytes()
        packet = rtp(
            self._payload_type,
            self.sequence,
            self.timestamp,
            self.ssrc,
            payload,
            csrcs=csrcs,
            extension=extension,
            padding=padding,
        )
        self.sequence += 1
        self.timestamp = (self.timestamp + count * QUANTUM) % (1 << 32)
        return packet

    def _stray(self) -> bytes:
        """Build something that is no sound of this stream."""
        rng = self._rng
        kinds = [
            rtp(13, self.sequence, self.timestamp, self.ssrc, bytes([40])),
            rtp(34, int(rng.integers(65536)), self.timestamp, self.ssrc, bytes(100)),
            rtp(self._payload_type, self.sequence, self.timestamp, self.ssrc, b"", padding=8)[:-8]
            + bytes([255] * 8),
            rng.integers(0, 256, int(rng.integers(1, 200)), np.uint8).tobytes(),
            struct.pack("!BBHI", 0x80, 201, 1, self.ssrc),
            b"",
        ]
        kind = int(rng.integers(len(kinds)))
        if kind == 0:
            self.sequence += 1
        return kinds[kind]

    def _send(self, arrivals: list[Arrival], packet: bytes, spoken: float) -> None:
        """Let the network deliver a packet, or not."""
        faults, rng = self._faults, self._rng
        if self._happens(faults.stall):
            self._blocked_until = max(self._blocked_until, spoken + float(rng.uniform(0.06, 0.6)))
        if self._happens(faults.burst):
            self._lose = int(rng.integers(2, 13))
        if self._lose:
            self._lose -= 1
            return
        if self._happens(faults.loss):
            return
        delay = float(rng.uniform(0, faults.jitter)) if faults.jitter else 0.0
        if self._happens(faults.spike):
            delay += float(rng.uniform(0.05, 0.4))
        at = max(spoken + delay, self._blocked_until)
        arrivals.append(Arrival(at, len(arrivals), packet))
        if self._happens(faults.duplicate):
            arrivals.append(Arrival(at, len(arrivals), packet))
        if self._happens(faults.late_duplicate):
            arrivals.append(Arrival(at + float(rng.uniform(0, 0.5)), len(arrivals), packet))


def telephone_events(
    digits: str,
    *,
    payload_type: int,
    ssrc: int,
    sequence: int,
    timestamp: int,
    clock: int = 8000,
    ms: int = 100,
    pause: int = 80,
    interval: int = 20,
) -> list[list[Arrival]]:
    """Write the packets of each digit (RFC 4733 section 2.5.1): updates every `interval` ms, three ends."""
    events: list[list[Arrival]] = []
    at = 0.0
    for digit in digits:
        packets: list[Arrival] = []
        for sent in [*range(interval, ms, interval), ms, ms, ms]:
            payload = struct.pack(
                "!BBH",
                "0123456789*#ABCD".index(digit),
                10 | (0x80 if sent == ms else 0),
                sent * clock // 1000,
            )
            packet = rtp(payload_type, sequence, timestamp, ssrc, payload, marker=not packets)
            packets.append(Arrival(at + len(packets) * interval / 1000, sequence, packet))
            sequence += 1
        events.append(packets)
        at += (ms + pause) / 1000
        timestamp = (timestamp + (ms + pause) * clock // 1000) % (1 << 32)
    return events
