"""Packets that leave: headers, sequence numbers, timestamps and packetisation of all legs (RFC 3550 section 5.1).

Each tick gives every sending leg 160 octets. At a ptime of 20 ms they are written straight into the leg's packet;
for other ptimes they are collected until a packet is full. Timestamps go on with the clock whether or not
something is sent, sequence numbers with the packets; the SSRC of a leg never changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.codecs.linear import Stretches
from media.io import PacketIO
from media.rows import grown
from media.rtp import FRAME, HEADER, MARKER, VERSION, write_header

WIDTH = 512  # octets of a row: a packet of 60 ms
_USUAL = HEADER + FRAME
PTIMES = (10, 20, 30, 40, 60)


class Sender:
    """Rows of packets under construction."""

    def __init__(self, capacity: int, io: PacketIO, random: np.random.Generator) -> None:
        self._io = io
        self._random = random
        self.octets = np.zeros((0, WIDTH), np.uint8)
        self.ssrc = np.zeros(0, np.uint32)
        self.sequence = np.zeros(0, np.uint16)  # of the next packet
        self.timestamp = np.zeros(0, np.uint32)  # of this tick's first sample
        self.payload_type = np.zeros(0, np.uint8)
        self.silence = np.zeros(0, np.uint8)  # the codec's octet of silence
        self.marked = np.zeros(0, np.uint8)  # MARKER if the next packet follows a pause
        self.silent = np.zeros(0, np.bool_)  # the row's payload is silence already
        self.ptime = np.zeros(0, np.int32)  # ms
        self.packets = np.zeros(0, np.int64)
        self.payload_octets = np.zeros(0, np.int64)
        self._part: dict[int, bytearray] = {}  # what is collected for rows of other ptimes
        self._linear: dict[int, Stretches] = {}  # rows of L16
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        for name in (
            "octets",
            "ssrc",
            "sequence",
            "timestamp",
            "payload_type",
            "silence",
            "marked",
            "silent",
        ):
            setattr(self, name, grown(getattr(self, name), capacity))
        for name in ("ptime", "packets", "payload_octets"):
            setattr(self, name, grown(getattr(self, name), capacity))
        self._be16 = self.octets.view(">u2")
        self._be32 = self.octets.view(">u4")
        self._io.attach(self.octets)

    def reset(self, row: int) -> None:
        """Begin a new leg: random SSRC, sequence number and timestamp (RFC 3550 section 5.1)."""
        self.ssrc[row] = self._random.integers(1, 1 << 32)
        self.sequence[row] = self._random.integers(0, 1 << 15)
        self.timestamp[row] = self._random.integers(0, 1 << 32)
        self.packets[row] = self.payload_octets[row] = 0
        self.ptime[row] = 20
        self.octets[row, 0] = VERSION
        self._be32[row, 2] = self.ssrc[row]
        self._part.pop(row, None)
        self.silent[row] = False
        self.marked[row] = MARKER
        self.use(row, None)

    def use(self, row: int, stretches: Stretches | None) -> None:
        """Send what these stretches hold, L16, where octets name them; None: send octets as they are."""
        if stretches is None:
            self._linear.pop(row, None)
        else:
            self._linear[row] = stretches

    def clock(self, row: int) -> int:
        """Return the timestamp of this tick's first sample, in the clock of the row's codec."""
        stretches = self._linear.get(row)
        return int(self.timestamp[row]) * (stretches.step if stretches is not None else 1)

    def configure(self, row: int, payload_type: int, silence: int, ptime: int) -> None:
        """Use what signalling agreed from the next packet on."""
        self.payload_type[row] = payload_type
        self.silence[row] = silence
        self.silent[row] = False
        if ptime != self.ptime[row]:
            self._part.pop(row, None)
        self.ptime[row] = ptime

    def pause(self, rows: NDArray[np.intp]) -> None:
        """These rows send no sound in this tick: what follows begins a new talkspurt."""
        self.marked[rows] = MARKER
        if self._part:
            for row in rows.tolist():
                self._part.pop(row, None)

    def send(self, rows: NDArray[np.intp], sounding: NDArray[np.intp], sound: NDArray[np.uint8]) -> None:
        """Send one tick of `rows`: uint8[k, 160] `sound` for the `sounding` ones, silence for the others."""
        usual = self._is_usual(rows)
        if not usual.all():
            self._collect(rows[~usual], sounding, sound)
            rows = rows[usual]
            kept = self._is_usual(sounding)
            sounding, sound = sounding[kept], sound[kept]
        if len(sounding):
            self.octets[sounding, HEADER:_USUAL] = sound
        self._hush(rows, sounding)
        self.octets[rows, 1] = self.payload_type[rows] | self.marked[rows]
        self._be16[rows, 1] = self.sequence[rows]
        self._be32[rows, 1] = self.timestamp[rows]
        self.sequence[rows] += np.uint16(1)
        self.marked[rows] = 0
        self.packets[rows] += 1
        self.payload_octets[rows] += FRAME
        self._io.tx(rows.tolist(), _USUAL)

    def _is_usual(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which rows send their 160 octets of each tick as they are."""
        usual: NDArray[np.bool_] = self.ptime[rows] == 20
        return usual & ~np.isin(rows, list(self._linear)) if self._linear else usual

    def _hush(self, rows: NDArray[np.intp], sounding: NDArray[np.intp]) -> None:
        """Put silence into rows that have nothing to say and do not hold silence yet."""
        if len(sounding) == len(rows):
            self.silent[rows] = False
            return
        self.silent[sounding] = True  # what they say must not be hushed
        loud = ~self.silent[rows]
        if loud.any():
            who = rows[loud]
            self.octets[who, HEADER:_USUAL] = self.silence[who, None]
            self.silent[who] = True
        self.silent[sounding] = False

    def _collect(self, rows: NDArray[np.intp], sounding: NDArray[np.intp], sound: NDArray[np.uint8]) -> None:
        """Collect sound for rows whose ptime is not 20 ms and send the packets that are full."""
        where = {int(row): place for place, row in enumerate(sounding)}
        for row in rows.tolist():
            part = self._part.setdefault(row, bytearray())
            place = where.get(row)
            part += bytes([self.silence[row]]) * FRAME if place is None else sound[place].tobytes()
            size = 8 * int(self.ptime[row])
            while len(part) >= size:
                timestamp = int(self.timestamp[row]) + FRAME - len(part)
                self.send_one(
                    row,
                    int(self.payload_type[row]),
                    bytes(part[:size]),
                    timestamp,
                    marker=bool(self.marked[row]),
                )
                self.marked[row] = 0
                del part[:size]

    def send_one(
        self, row: int, payload_type: int, payload: bytes, timestamp: int, *, marker: bool = False
    ) -> None:
        """Send a packet of its own making: a telephone event, an echoed packet."""
        stretches = self._linear.get(row)
        if stretches is not None:
            self._send_linear(stretches, row, payload_type, payload, timestamp, marker)
            return
        header = write_header(
            payload_type, int(self.sequence[row]), timestamp, int(self.ssrc[row]), marker=marker
        )
        size = HEADER + len(payload)
        self.octets[row, :size] = np.frombuffer(header + payload, np.uint8)
        self.silent[row] = False
        self.sequence[row] = (int(self.sequence[row]) + 1) & 0xFFFF
        self.packets[row] += 1
        self.payload_octets[row] += len(payload)
        self._io.tx((row,), size)

    def _send_linear(
        self, stretches: Stretches, row: int, payload_type: int, payload: bytes, timestamp: int, marker: bool
    ) -> None:
        """Send a packet of an L16 leg: what octets of sound stand for, or a telephone event."""
        if payload_type == self.payload_type[row]:
            payload = stretches.load(payload)
        timestamp *= stretches.step
        header = write_header(
            payload_type, int(self.sequence[row]), timestamp, int(self.ssrc[row]), marker=marker
        )
        self.sequence[row] = (int(self.sequence[row]) + 1) & 0xFFFF
        self.packets[row] += 1
        self.payload_octets[row] += len(payload)
        self._io.tx_packet(row, header + payload)

    def tick(self, rows: NDArray[np.intp], ticks: int = 1) -> None:
        """Let the clock of these rows go on."""
        self.timestamp[rows] += np.uint32(FRAME * ticks)
