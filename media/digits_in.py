"""Digits that a leg sends us, each reported once: telephone events (RFC 4733) and tones in the sound.

An event is one digit per timestamp, reported at the first packet seen of it, so that a lost start or lost ends
change nothing and a prompt stops at once. Later packets with the same or an older timestamp repeat it. A key held
past the 16 bit duration comes in segments, each starting where the one before ended (section 2.5.1.3): one digit.

A tone is reported a moment after its end, unless the leg has sent any telephone event: those carry the same key
press more reliably, and from then on tones are not listened to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from media.dtmf import telephone_event
from media.messages import Digit
from media.rows import grown

GRACE = 0.06  # seconds that a tone's report waits for a telephone event of the same key press
OLDER = 10  # seconds: timestamps further back are a new timeline, not an old event
SEGMENT = 0xFF00  # duration from which the next timestamp may be the next segment of the same event


class _Events:
    """The telephone events of one leg."""

    __slots__ = ("before", "clock", "duration", "event", "seen", "ssrc", "timestamp")

    def __init__(self, clock: int) -> None:
        self.clock = clock
        self.seen = False
        self.timestamp = 0
        self.duration = 0
        self.before = 0  # ticks of the segments before
        self.event = 0
        self.ssrc = 0

    @property
    def total(self) -> int:
        """Length of the event so far, in ticks."""
        return self.before + self.duration

    def is_new(self, event: telephone_event.TelephoneEvent, timestamp: int, ssrc: int) -> bool:
        """Decide whether a packet belongs to an event not seen before, and remember it."""
        ahead = ((timestamp - self.timestamp + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        repeated = self.seen and ssrc == self.ssrc and -OLDER * self.clock < ahead <= 0
        if repeated:
            if ahead == 0:
                self.duration = max(self.duration, event.duration)
            return False
        segment = (
            self.seen
            and ssrc == self.ssrc
            and event.event == self.event
            and self.duration >= SEGMENT
            and ahead <= self.duration + self.clock // 10
        )
        self.before = self.total if segment else 0
        self.seen, self.timestamp, self.ssrc = True, timestamp, ssrc
        self.event, self.duration = event.event, event.duration
        return not segment


class _Tone(NamedTuple):
    due: float
    row: int
    leg: int
    digit: str
    ms: int


class DigitListener:
    """Digits of all legs. `pressed` is called with the row and each Digit.

    `going_on` is called with each packet of the event that a row hears: the row, the packet, how long the event
    lasts so far in ms, and whether it is a new one.
    """

    def __init__(
        self,
        capacity: int,
        pressed: Callable[[int, Digit], None],
        going_on: Callable[[int, telephone_event.TelephoneEvent, int, bool], None],
    ) -> None:
        self._pressed = pressed
        self._going_on = going_on
        self._legs: dict[int, int] = {}
        self._events: dict[int, _Events] = {}
        self._tones: deque[_Tone] = deque()
        self.inband = np.zeros(capacity, np.bool_)  # listen for tones

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        self.inband = grown(self.inband, capacity)

    def open(self, row: int, leg: int, *, inband: bool) -> None:
        """Begin with a new leg."""
        self._legs[row] = leg
        self._events[row] = _Events(8000)
        self.inband[row] = inband

    def close(self, row: int) -> None:
        """Forget a leg."""
        self.inband[row] = False
        del self._legs[row], self._events[row]

    def memory(self, row: int) -> tuple[bool, int, int, int, int]:
        """Return what is known of the last telephone event, for `remember`."""
        events = self._events[row]
        return events.seen, events.timestamp, events.duration, events.event, events.ssrc

    def remember(self, row: int, memory: tuple[bool, int, int, int, int]) -> None:
        """Go on after an event that was heard elsewhere."""
        events = self._events[row]
        events.seen, events.timestamp, events.duration, events.event, events.ssrc = memory

    def set_clock(self, row: int, clock: int) -> None:
        """Give the clock of the leg's telephone-event payload type, in Hz.

        With another clock come other timestamps: nothing of before is repeated in them.
        """
        events = self._events[row]
        if clock != events.clock:
            events.clock, events.seen = clock, False

    def event(self, row: int, payload: bytes, timestamp: int, ssrc: int) -> None:
        """Take a telephone-event packet."""
        if len(payload) < telephone_event.PAYLOAD_SIZE:
            return
        event = telephone_event.unpack(payload)
        if not event.digit:
            return
        self.inband[row] = False
        events = self._events[row]
        new = events.is_new(event, timestamp, ssrc)
        if (timestamp, ssrc) == (events.timestamp, events.ssrc):
            self._going_on(row, event, events.total * 1000 // events.clock, new)
        if new:
            ms = event.duration * 1000 // events.clock if event.end else 0
            self._pressed(row, Digit(self._legs[row], event.digit, "rfc4733", ms))

    def tone(self, row: int, digit: str, ms: int, now: float) -> None:
        """Take a tone that has ended."""
        if self.inband[row]:
            self._tones.append(_Tone(now + GRACE, row, self._legs[row], digit, ms))

    def tick(self, now: float) -> None:
        """Report tones whose grace is over and that no telephone event has silenced."""
        while self._tones and self._tones[0].due <= now:
            tone = self._tones.popleft()
            if self._legs.get(tone.row) == tone.leg and self.inband[tone.row]:
                self._pressed(tone.row, Digit(tone.leg, tone.digit, "inband", tone.ms))
