"""Packets that come in from locked sources: header checks, payload types, SSRC, and the counts of RFC 3550.

A round of packets is judged by masks. Plain audio of the known SSRC goes to the jitter buffer as arrays; everything
else (first packet, new SSRC, telephone events, comfort noise, CSRCs, extensions, padding, RTCP on the RTP port)
takes `_odd`, one by one.

A peer that was offered several codecs may go over to another one with any packet (RFC 3264 section 5.1): the newest
packet's payload type is the one that is plain from there on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.codecs.linear import Stretches
from media.formats import Formats
from media.jitter import JitterBuffer
from media.rows import grown
from media.rtp import CLOCK, COMFORT_NOISE, HEADER, PACKET, QUANTUM, VERSION, Batch, is_rtcp, payload_span

NONE = 255  # payload type of a direction that is off
MAX_DROPOUT = 3000  # sequence numbers: a larger step is a restart, RFC 3550 section A.1


class Sinks(Protocol):
    """Where packets go that are no sound."""

    def event(self, row: int, payload: bytes, timestamp: int, ssrc: int, clock: int) -> None:
        """Take the payload of a telephone-event packet; `clock` in Hz, 0: the usual one."""
        ...

    def mixes(self, row: int, before: int) -> None:
        """The row's buffer is to hold several codecs; `before` is the payload type until now."""
        ...

    def rtcp(self, row: int, packet: bytes, now: float) -> None:
        """Take an RTCP packet that came on the RTP port."""
        ...


class Receiver:
    """What is known of each leg's incoming stream."""

    def __init__(self, capacity: int, jitter: JitterBuffer, sinks: Sinks) -> None:
        self._jitter = jitter
        self._sinks = sinks
        self.payload_type = np.zeros(0, np.uint8)  # NONE while the leg does not receive
        self.event_type = np.zeros(0, np.uint8)
        self.ssrc = np.zeros(0, np.uint32)
        self.known = np.zeros(0, np.bool_)  # an SSRC has been seen
        self.former = np.zeros(0, np.uint32)  # the SSRC before
        self.straggler = np.zeros(0, np.int64)  # value of `packets` when the SSRC before last turned up again
        self.highest = np.zeros(0, np.int64)  # extended sequence number
        self.base = np.zeros(0, np.int64)  # first one, moved so that jumps count no loss
        self.packets = np.zeros(0, np.int64)
        self.foreign = np.zeros(0, np.int64)
        self.heard = np.zeros(0, np.float64)  # when the last valid packet came, seconds
        self.transit = np.zeros(0, np.float64)  # arrival minus timestamp, clock ticks modulo 2^32
        self.timed = np.zeros(0, np.bool_)  # `transit` is that of the packet before
        self.jitter = np.zeros(0, np.float64)  # clock ticks
        self.echo: dict[int, Callable[[bytes, int, int, bool], None]] = {}  # rows whose packets are returned
        self.formats: dict[int, Formats] = {}  # rows whose peer may send several codecs
        self._linear: dict[int, Stretches] = {}  # rows that speak L16
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        for name in ("payload_type", "event_type", "ssrc", "known", "highest", "base", "packets", "foreign"):
            setattr(self, name, grown(getattr(self, name), capacity))
        for name in ("heard", "transit", "timed", "jitter", "former", "straggler"):
            setattr(self, name, grown(getattr(self, name), capacity))

    def reset(self, row: int) -> None:
        """Make the row that of a new leg."""
        self.payload_type[row] = self.event_type[row] = NONE
        self.known[row] = self.timed[row] = False
        self.highest[row] = -1
        self.base[row] = self.packets[row] = self.foreign[row] = 0
        self.heard[row] = self.jitter[row] = 0.0
        self.echo.pop(row, None)
        self.use(row, Formats())

    def use(self, row: int, formats: Formats) -> None:
        """Hear what the row may send."""
        self.formats.pop(row, None)
        if formats.several:
            self.formats[row] = formats
        current = formats.audio.get(formats.current)
        self._keep(row, current.stretches if current is not None else None)

    def _keep(self, row: int, stretches: Stretches | None) -> None:
        """Keep what the row says as L16, None: take it as it comes."""
        if stretches is None:
            self._linear.pop(row, None)
        else:
            self._linear[row] = stretches

    def lost(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return packets lost, 0 where duplicates outnumber losses."""
        expected = self.highest[rows] + 1 - self.base[rows]
        lost: NDArray[np.int64] = np.maximum(expected - self.packets[rows], 0)
        return lost

    def take(self, batch: Batch, now: float) -> None:
        """Take one round of packets; `now` in seconds."""
        count = len(batch.rows)
        rows = np.array(batch.rows, np.intp)
        lengths = np.array(batch.lengths, np.int64)
        octets = batch.octets
        quanta, rest = np.divmod(lengths - HEADER, QUANTUM)
        plain = (octets[:count, 0] == VERSION) & (octets[:count, 1] & 0x7F == self.payload_type[rows])
        plain &= (batch.be32[:count, 2] == self.ssrc[rows]) & self.known[rows]
        plain &= (rest == 0) & (quanta > 0) & (lengths < PACKET)
        if self._linear:
            plain &= ~np.isin(rows, list(self._linear))
        valid = plain
        if self.echo or not plain.all():
            valid = plain.copy()
            for place in range(count) if self.echo else np.flatnonzero(~plain).tolist():
                if not plain[place]:
                    valid[place], plain[place], quanta[place] = self._odd(batch, place, now)
                if self.echo and valid[place] and rows[place] in self.echo:
                    self._return(batch, place)
        newer = np.zeros(count, np.bool_)
        newer[valid] = self._count(rows[valid], batch.be16[:count, 1][valid], now)
        if not plain.all():
            which = np.flatnonzero(plain)
            if not len(which):
                return
            rows, quanta, newer = rows[which], quanta[which], newer[which]
            timestamps = batch.be32[which, 1].astype(np.uint32)
            payload = octets[which, HEADER:]
            kinds = octets[which, 1] & 0x7F if self._jitter.mixed else None
        else:
            timestamps = batch.be32[:count, 1].astype(np.uint32)
            payload = octets[:count, HEADER:]
            kinds = octets[:count, 1] & 0x7F if self._jitter.mixed else None
        self._time(rows, timestamps, now)
        self._jitter.insert(rows, timestamps, payload, quanta, newer, kinds)

    def _odd(self, batch: Batch, place: int, now: float) -> tuple[bool, bool, int]:
        """Judge one packet that is not plain audio: (valid RTP, is audio now, its quanta)."""
        row, length = batch.rows[place], batch.lengths[place]
        packet = batch.views[place][:length]
        if length >= HEADER and packet[0] >> 6 == 2 and is_rtcp(packet[1]):
            self._sinks.rtcp(row, bytes(packet), now)
            return False, False, 0
        span = payload_span(packet) if length < PACKET else None
        kind = packet[1] & 0x7F if span else NONE
        audio, clock = self._meaning(row, kind)
        if span is None or not (audio or clock or kind == COMFORT_NOISE):
            self.foreign[row] += 1
            return False, False, 0
        ssrc = int(batch.be32[place, 2])
        self.heard[row] = now
        if not audio:
            if clock:
                payload = bytes(packet[span[0] : span[1]])
                self._sinks.event(row, payload, int(batch.be32[place, 1]), ssrc, max(clock, 0))
            # Some gateways send events from another SSRC: it is not the stream's, its numbers do not count.
            return bool(self.known[row] and ssrc == self.ssrc[row]), False, 0
        if not self.known[row] or ssrc != self.ssrc[row]:
            if self._is_straggler(row, ssrc):
                return False, False, 0
            self._adopt(row, ssrc, int(batch.be16[place, 1]))
        payload = bytes(packet[span[0] : span[1]])
        stretches = self._linear.get(row)
        if kind != self.payload_type[row]:
            if not self._goes_over(row, kind, int(batch.be16[place, 1]), len(payload)):
                return True, False, 0
            stretches = self.formats[row].audio[kind].stretches
        if stretches is not None:
            payload = stretches.store(payload)
            batch.be32[place, 1] = stretches.ticks(int(batch.be32[place, 1]))
        packet[HEADER : HEADER + len(payload)] = payload
        batch.lengths[place] = HEADER + len(payload)
        quanta = len(payload) // QUANTUM
        return True, quanta > 0, quanta

    def _meaning(self, row: int, kind: int) -> tuple[bool, int]:
        """Return whether a payload type is sound, and the clock of its telephone events: 0: none, -1: the usual."""
        usual = int(self.payload_type[row])
        if kind == NONE or usual == NONE:
            return False, 0
        formats = self.formats.get(row)
        if kind == usual or formats is None:
            return kind == usual, -1 if kind == self.event_type[row] else 0
        return kind in formats.audio, formats.events.get(kind, 0)

    def _goes_over(self, row: int, kind: int, sequence: int, octets: int) -> bool:
        """Take sound of another payload type than the one before; False if there is no place for it.

        The newest packet changes what is usual. Where clocks differ its timestamps have nothing to do with those
        before, and what it has overtaken is lost.
        """
        formats, before = self.formats[row], int(self.payload_type[row])
        ahead = (sequence - int(self.highest[row]) + (1 << 15)) % (1 << 16) - (1 << 15)
        newest = ahead > 0 or ahead < -MAX_DROPOUT
        old, new = formats.audio[before], formats.audio[kind]
        if octets < (new.stretches.size if new.stretches is not None else QUANTUM):
            return False
        if old.clock != new.clock:
            if not newest:
                return False
            self._jitter.new_timeline(np.array([row]))
            self.timed[row] = False
        if newest:
            self.payload_type[row] = formats.current = kind
            self._keep(row, new.stretches)
        self._sinks.mixes(row, before)
        return True

    def _is_straggler(self, row: int, ssrc: int) -> bool:
        """Tell one overtaken packet of the SSRC before from its return: two packets in a row."""
        if not self.known[row] or ssrc != self.former[row] or self.straggler[row] == self.packets[row]:
            return False
        self.straggler[row] = self.packets[row]
        return True

    def _adopt(self, row: int, ssrc: int, sequence: int) -> None:
        """Follow a new SSRC: its sequence numbers and timestamps have nothing to do with those before."""
        expected = int(self.highest[row]) + 1 - int(self.base[row])
        if self.known[row]:
            self._jitter.new_timeline(np.array([row]))
        self.former[row] = self.ssrc[row] if self.known[row] else ssrc
        self.straggler[row] = -1
        self.ssrc[row] = ssrc
        self.known[row] = True
        self.timed[row] = False
        self.highest[row] = sequence - 1 + (1 << 16)
        self.base[row] = self.highest[row] + 1 - expected

    def _return(self, batch: Batch, place: int) -> None:
        """Hand a packet to the leg's stream echo."""
        packet = batch.views[place][: batch.lengths[place]]
        kind = packet[1] & 0x7F
        span = payload_span(packet)
        if span is not None:
            sound, _ = self._meaning(batch.rows[place], kind)
            payload = bytes(packet[HEADER:] if sound else packet[slice(*span)])
            marker = bool(packet[1] & 0x80)
            self.echo[batch.rows[place]](payload, kind, int(batch.be32[place, 1]), marker)

    def _count(self, rows: NDArray[np.intp], sequence: NDArray[np.uint16], now: float) -> NDArray[np.bool_]:
        """Count valid packets and extend their sequence numbers; return which are the newest of their leg."""
        highest = self.highest[rows]
        step = (sequence.astype(np.uint16) - highest.astype(np.uint16)).astype(np.int16).astype(np.int64)
        jump = np.abs(step) > MAX_DROPOUT
        if jump.any():
            self.base[rows[jump]] += step[jump] - 1
            highest = np.where(jump, highest + step - 1, highest)
            step = np.where(jump, 1, step)
        self.highest[rows] = highest + np.maximum(step, 0)
        self.packets[rows] += 1
        self.heard[rows] = now
        newest: NDArray[np.bool_] = step > 0
        return newest

    def _time(self, rows: NDArray[np.intp], timestamps: NDArray[np.uint32], now: float) -> None:
        """Advance the interarrival jitter (RFC 3550 section 6.4.1) of audio packets."""
        transit = (now * CLOCK - timestamps) % (1 << 32)
        change = np.abs(transit - self.transit[rows])
        usable = self.timed[rows] & (change < CLOCK)  # a jump of the timeline is no jitter
        estimate = self.jitter[rows]
        self.jitter[rows] = np.where(usable, estimate + (change - estimate) / 16, estimate)
        self.transit[rows] = transit
        self.timed[rows] = True
