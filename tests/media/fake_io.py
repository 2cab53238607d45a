"""A network for the engine made of lists, and an engine on it with a clock that only `Bench.tick` moves."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from media.engine import Engine
from media.latch import Address
from media.messages import ClipRef, Event, OpenLeg, Order, Play, SetStream, Stream
from media.rtp import FRAME, HEADER, TICK, Batch, Header, read_header, write_header

PEER: Address = ("192.0.2.10", 4000)
_E = TypeVar("_E")


class FakeIO:
    """`media.io.PacketIO` in memory. `sent` and `sent_rtcp` hold what each leg sent, by leg."""

    def __init__(self) -> None:
        self.sent: dict[int, list[tuple[bytes, Address]]] = defaultdict(list)
        self.sent_rtcp: dict[int, list[tuple[bytes, Address]]] = defaultdict(list)
        self.closed: list[int] = []
        self._octets: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._legs: dict[int, int] = {}
        self._inbox: dict[int, deque[tuple[bytes, Address]]] = defaultdict(deque)
        self._rtcp: deque[tuple[int, bytes, Address]] = deque()
        self._target: dict[int, Address] = {}
        self._locked: dict[int, Address] = {}

    def row(self, leg: int) -> int:
        """Return a leg's row."""
        return next(row for row, number in self._legs.items() if number == leg)

    def arrive(self, leg: int, packet: bytes, source: Address = PEER) -> None:
        """Let a packet reach the leg's RTP port before the next tick."""
        row = self.row(leg)
        if self._locked.get(row, source) == source:
            self._inbox[row].append((packet, source))

    def arrive_rtcp(self, leg: int, packet: bytes, source: Address) -> None:
        """Let a packet reach the leg's RTCP port."""
        self._rtcp.append((self.row(leg), packet, source))

    def locked(self, leg: int) -> Address | None:
        """Return the source that the leg is locked to."""
        return self._locked.get(self.row(leg))

    def open(self, row: int, leg: int) -> None:
        self._legs[row] = leg

    def attach(self, octets: NDArray[np.uint8]) -> None:
        self._octets = octets

    def rx(self, batch: Batch) -> int:
        batch.clear()
        for row in self._locked:
            if self._inbox[row]:
                batch.add(row, self._inbox[row].popleft()[0])
        return len(batch.rows)

    def rx_open(self) -> list[tuple[int, bytes, Address]]:
        found: list[tuple[int, bytes, Address]] = []
        for row in self._legs:
            if row not in self._locked and row in self._target and self._inbox[row]:
                packet, source = self._inbox[row].popleft()
                found.append((row, packet, source))
        return found + (self.rx_open() if found else [])

    def tx(self, rows: Iterable[int], size: int) -> None:
        for row in rows:
            address = self._locked.get(row) or self._target.get(row)
            if address is not None:
                self.sent[self._legs[row]].append((self._octets[row, :size].tobytes(), address))

    def tx_packet(self, row: int, packet: bytes) -> None:
        address = self._locked.get(row) or self._target.get(row)
        if address is not None:
            self.sent[self._legs[row]].append((packet, address))

    def aim(self, row: int, address: Address) -> None:
        self._locked.pop(row, None)
        self._target[row] = address

    def lock(self, row: int, address: Address) -> list[bytes]:
        self._locked[row] = address
        waiting = [packet for packet, source in self._inbox[row] if source == address]
        self._inbox[row].clear()
        return waiting

    def rx_rtcp(self) -> list[tuple[int, bytes, Address]]:
        found = list(self._rtcp)
        self._rtcp.clear()
        return found

    def tx_rtcp(self, row: int, packet: bytes, address: Address) -> None:
        self.sent_rtcp[self._legs[row]].append((packet, address))

    def close(self, row: int) -> None:
        self.closed.append(self._legs.pop(row))
        self._inbox.pop(row, None)
        self._target.pop(row, None)
        self._locked.pop(row, None)


def stream(codec: str = "PCMU", **changes: object) -> Stream:
    """Return what signalling agrees in most tests: the peer at PEER, telephone-event 101."""
    payload_type = {"PCMU": 0, "PCMA": 8, "G722": 9, "L16/8000": 96, "L16/16000": 97}[codec]
    fields: dict[str, object] = {
        "codec": codec,
        "send_payload_type": payload_type,
        "receive_payload_type": payload_type,
        "host": PEER[0],
        "port": PEER[1],
        "rtcp_port": PEER[1] + 1,
        "send_digit_payload_type": 101,
        "receive_digit_payload_type": 101,
    }
    return Stream(**{**fields, **changes})  # type: ignore[arg-type]


class Bench:
    """An engine, its network, its bank and its clock."""

    def __init__(self, bank_samples: int = 1 << 16) -> None:
        self.io = FakeIO()
        self.events: list[Event] = []
        self.bank: NDArray[np.int16] = np.zeros(bank_samples + FRAME, np.int16)
        self.engine = Engine(self.io, self.bank, self.events.append, seed=1)
        self.now = 1000.0
        self._used = 0
        self._numbers = itertools.count(1)
        self._sequence: dict[int, int] = defaultdict(lambda: 65_500)
        self._timestamp: dict[int, int] = defaultdict(lambda: 0xFFFFF000)

    def order(self, order: Order) -> None:
        self.engine.order(order, self.now)

    def open(
        self, agreed: Stream | None = None, *, inband: bool = False, timeout: float = 0.0, locked: bool = True
    ) -> int:
        """Open a leg with a stream; `locked` has its source locked by a first packet."""
        leg = next(self._numbers)
        self.order(OpenLeg(leg, leg, inband, timeout))
        self.order(SetStream(leg, agreed or stream()))
        if locked:
            self.io.arrive(leg, b"\x80\x0d" + b"\x00" * 10 + b"\x40")
            self.tick()
        return leg

    def clip(self, sound: NDArray[np.int16], rate: int = 8000) -> ClipRef:
        """Put sound into the bank."""
        ref = ClipRef(self._used, len(sound), rate)
        self.bank[self._used : self._used + len(sound)] = sound
        self._used += len(sound)
        return ref

    def play(self, leg: int, *sounds: NDArray[np.int16], rate: int = 8000, **changes: object) -> int:
        """Order sound to be played; return the playout's number."""
        number = next(self._numbers)
        clips = [self.clip(sound, rate) for sound in sounds]
        self.order(Play(leg, number, clips, **changes))  # type: ignore[arg-type]
        return number

    def tick(self, ticks: int = 1) -> None:
        """Let 20 ms pass, a number of times."""
        for _ in range(ticks):
            self.now += TICK
            self.engine.tick(self.now)

    def speak(self, leg: int, octets: bytes, *, payload_type: int = 0, ssrc: int = 7, skip: int = 0) -> None:
        """Let the peer send one packet of sound, after `skip` packets that are lost."""
        size = len(octets)
        self._sequence[leg] += 1 + skip
        header = write_header(payload_type, self._sequence[leg], self._timestamp[leg] + skip * size, ssrc)
        self._timestamp[leg] += size * (1 + skip)
        self.io.arrive(leg, header + octets)

    def sent(self, leg: int) -> list[tuple[Header, bytes]]:
        """Return header and payload of what the leg has sent since the last time, and forget it."""
        packets = [packet for packet, _ in self.io.sent[leg]]
        self.io.sent[leg].clear()
        out = []
        for packet in packets:
            header = read_header(packet)
            assert header is not None
            out.append((header, packet[HEADER:]))
        return out

    def heard(self, leg: int) -> bytes:
        """Return the payload of what the leg has sent since the last time, joined."""
        return b"".join(payload for _, payload in self.sent(leg))

    def of(self, kind: type[_E]) -> list[_E]:
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]
