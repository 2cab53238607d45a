"""The receive path of one leg, packet by packet: slow, obvious, and the judge of the batch engine.

It says the same as `media/jitter.py`, `media/conceal.py` and `media/hearing.py`, with integers and dictionaries
instead of masks and gathers, one leg at a time. `tests/media/test_engine_fuzz.py` gives both the same packets and
compares every sample. A rule that changes in the engine changes here too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from media import conceal, jitter
from media.hearing import QUIET
from media.receive import MAX_DROPOUT

QUANTUM = 80  # octets and timestamp ticks in 10 ms
Sound = NDArray[np.int16]


class Packet(NamedTuple):
    """A packet of the stream that the header checks have let through."""

    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    sound: bool = True  # False: comfort noise
    kind: int = 0  # payload type


class Played(NamedTuple):
    """What one tick takes out of the buffer."""

    quanta: list[tuple[int, bytes] | None]  # payload type and octets; None: lost
    spliced: bool  # one or three quanta become 20 ms


@dataclass
class ReferenceBuffer:
    """The jitter buffer of one leg. Quanta of 10 ms are numbered from the first packet on."""

    # By quantum modulo the ring's size: quantum, payload type and octets.
    slots: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    started: bool = False
    ssrc: int = -1
    former: int = -1  # SSRC before
    sequence: int = 0  # highest yet
    straggled: bool = False  # the packet before was one of the former SSRC
    timestamp: int = 0  # newest, counted on through wraps
    origin: int = 0  # timestamp of quantum 0
    newest: int = -1
    play: int = 0  # next quantum to be heard
    dry: int = 0  # ticks in a row without anything to play
    late: int = 0
    late_run: int = 0
    anchored: bool = False  # the play pointer was set since the last tick
    low: int | None = None  # least delay of this window
    correction: int = 0  # +1: play one quantum less, -1: one more
    waited: int = 0  # ticks that the correction has waited for a quiet spot

    def receive(self, packet: Packet) -> None:
        """Take one packet."""
        if packet.ssrc != self.ssrc:
            if not packet.sound:
                return
            if packet.ssrc == self.former and not self.straggled:
                self.straggled = True
                return
            if self.started:
                self.late_run = jitter.LATE_RUN
            self.former, self.ssrc = self.ssrc, packet.ssrc
            self.sequence = packet.sequence - 1
        self.straggled = False
        newer = self._is_newer(packet.sequence)
        count = len(packet.payload) // QUANTUM if packet.sound else 0
        if not count:
            return
        ahead = (packet.timestamp - self.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        stamp = self.timestamp + ahead
        first = self._align(stamp)
        self._notice_lateness(first, count, newer)
        paused = self.dry > jitter.DRY_TICKS
        was_started = self.started
        if not was_started or self._starts_a_timeline(first, count, paused):
            first = self.play + jitter.TARGET if was_started and paused else self.newest + 1
            self.origin = stamp - first * QUANTUM
            self.timestamp = stamp
            self.late_run = 0
            self.started = True
        self._anchor(first, was_started, paused, self.dry > 0 and first + count > self.play)
        if first + count > self.play:
            self.timestamp = max(self.timestamp, stamp)
        self.newest = max(self.newest, first + count - 1)
        for place in range(count):
            if first + place >= self.play:
                octets = packet.payload[place * QUANTUM : (place + 1) * QUANTUM]
                self.slots[(first + place) % jitter.SLOTS] = (first + place, packet.kind, octets)

    def _is_newer(self, sequence: int) -> bool:
        """Tell the newest packet yet, or a sender that has begun to count anew, from an overtaken one."""
        step = (sequence - self.sequence + (1 << 15)) % (1 << 16) - (1 << 15)
        if step > 0 or step < -MAX_DROPOUT:
            self.sequence = sequence
            return True
        return False

    def _align(self, stamp: int) -> int:
        """Return the quantum of a timestamp; the grid follows a sender whose phase has changed."""
        slip = (stamp - self.origin) % QUANTUM
        if slip:
            self.origin += slip if slip < QUANTUM // 2 else slip - QUANTUM
        return (stamp - self.origin) // QUANTUM

    def _notice_lateness(self, first: int, count: int, newer: bool) -> None:
        """Count a packet that is wholly past, unless it repeats one that came in time."""
        pending = self.late_run >= jitter.LATE_RUN
        if not (self.started and first + count <= self.play):
            self.late_run = self.late_run if pending else 0
            return
        last = first + count - 1
        if self.slots.get(last % jitter.SLOTS, (None,))[0] == last:
            return
        self.late += 1
        if newer:
            self.late_run += 1
        elif self.play - last <= jitter.CEILING:
            self.correction = 1

    def _starts_a_timeline(self, first: int, count: int, paused: bool) -> bool:
        """Tell a jump of the sender's clock from a late or an early packet."""
        return self.late_run >= jitter.LATE_RUN or (not paused and first + count > self.play + jitter.SLOTS)

    def _anchor(self, first: int, was_started: bool, paused: bool, resumed: bool) -> None:
        """Set the play pointer after an underrun: what lies between it and the packet is lost, not late.

        At the start of a talkspurt the packets of a burst all count as its start.
        """
        if not was_started:
            self.play = first - jitter.TARGET
        elif resumed or self.anchored:
            self.play = max(self.play, first - jitter.TARGET)
        else:
            return
        self.anchored = self.anchored or not was_started or paused
        self.dry = 0
        self.correction = self.waited = 0
        self.low = None

    def tick(self, quiet: Callable[[], bool]) -> Played:
        """Play 20 ms; `quiet` tells whether a splice would go unheard."""
        lead = self.newest + 1 - self.play
        if lead > jitter.CEILING:
            self.play += lead - jitter.TARGET - 2
            lead = jitter.TARGET + 2
        taken = max(0, min(lead, 2))
        spliced = False
        if self.correction:
            self.waited += 1
            enough = 1 <= lead < jitter.CEILING - 4 if self.correction > 0 else lead > 3
            if enough and (quiet() or self.waited > jitter.WINDOW // 2):
                spliced = True
                taken = 2 - self.correction
                self.correction = 0
                self.waited = 0
        if lead <= 0:
            self.dry += 1
        else:
            self.dry = 0
            self.low = lead - taken if self.low is None else min(self.low, lead - taken)
        quanta = [self._quantum(self.play + place) for place in range(taken if spliced else 2)]
        self.play += taken
        self.anchored = False
        return Played(quanta, spliced)

    def skip(self, ticks: int) -> None:
        """Let ticks pass unplayed."""
        self.play += max(0, min(self.newest + 1 - self.play, 2 * ticks))

    def judge(self) -> None:
        """End a window: ask for a correction if its least delay was too long or too short."""
        if self.low is not None and not self.correction:
            if self.low > jitter.TARGET:
                self.correction = -1
            elif self.low < 1:
                self.correction = 1
        self.low = None

    def _quantum(self, wanted: int) -> tuple[int, bytes] | None:
        number, kind, octets = self.slots.get(wanted % jitter.SLOTS, (None, 0, b""))
        return (kind, octets) if number == wanted else None


class ReferenceEar:
    """What one leg is heard to say: jitter buffer, G.711 decoder, concealment, splices."""

    def __init__(
        self, decode: NDArray[np.int16], ticks: int = 0, others: dict[int, NDArray[np.int16]] | None = None
    ) -> None:
        self.buffer = ReferenceBuffer()
        self._decode = decode  # int16[256], the law
        self._others = others or {}  # the law of other payload types
        self._last = [np.zeros(QUANTUM, np.int16), np.zeros(QUANTUM, np.int16)]  # of each half of a frame
        self._lost = conceal.QUANTA + 1  # quanta in a row
        self._ticks = ticks  # of the engine so far: its windows are those of all legs

    def hear(self, packets: Sequence[Packet]) -> Sound:
        """Take the packets of one tick, then return its int16[160]."""
        for packet in packets:
            self.buffer.receive(packet)
        played = self.buffer.tick(self._is_quiet)
        self._ticks += 1
        if self._ticks % jitter.WINDOW == 0:
            self.buffer.judge()
        halves = self._spliced(played.quanta) if played.spliced else [self._sound(q) for q in played.quanta]
        return np.concatenate([self._conceal(half, sound) for half, sound in enumerate(halves)])

    def rest(self) -> None:
        """Let a tick pass in which the leg is not listened to."""
        self._ticks += 1

    def hold(self) -> None:
        """Forget what is buffered: signalling has stopped or started the stream."""
        old = self.buffer
        self.buffer = ReferenceBuffer(
            ssrc=old.ssrc,
            former=old.former,
            sequence=old.sequence,
            straggled=old.straggled,
            late=old.late,
        )

    def _sound(self, quantum: tuple[int, bytes] | None) -> Sound | None:
        if quantum is None:
            return None
        kind, octets = quantum
        return self._others.get(kind, self._decode)[np.frombuffer(octets, np.uint8)]

    def _spliced(self, quanta: list[tuple[int, bytes] | None]) -> list[Sound | None]:
        """Make two halves of one or three quanta; of three with a loss the lost one is left out."""
        sounds = [sound for sound in map(self._sound, quanta) if sound is not None]
        if len(sounds) < len(quanta):
            if len(quanta) == 1:
                return [None, None]
            lost = quanta.index(None)
            return [self._sound(quantum) for quantum in quanta[:lost] + quanta[lost + 1 :]]
        whole = np.concatenate(sounds)
        frame = conceal.drop(whole) if len(quanta) == 3 else conceal.hold(self._last[1], whole)
        return [frame[:QUANTUM], frame[QUANTUM:]]

    def _conceal(self, half: int, sound: Sound | None) -> Sound:
        if sound is not None:
            self._last[half] = sound
            self._lost = 0
            return sound
        self._lost = min(self._lost + 1, conceal.QUANTA + 1)
        if self._lost > conceal.QUANTA:
            return np.zeros(QUANTUM, np.int16)
        return (self._last[half] * np.float32(conceal.FADE**self._lost)).astype(np.int16)

    def _is_quiet(self) -> bool:
        frame = np.concatenate(self._last).astype(np.int64)
        return bool(np.abs(frame).mean() < QUIET or self._lost > conceal.QUANTA)
