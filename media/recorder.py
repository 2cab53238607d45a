"""Recording in the tick: what legs say and hear, kept for half a second and then handed to the disk.

One slot of the arrays for each recording; a tick copies the sound of all of them with a few array operations and
nothing else. A recording has a frame for every tick from its start to its end, silence where there was no sound,
so that its length is the time that it took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from media.gains import Gains
from media.legs import Legs
from media.messages import Record
from media.recorder_disk import WIDE, Disk, End, Stretch, Tape
from media.rows import RowAllocator, grown
from media.rtp import FRAME

if TYPE_CHECKING:
    from media.hearing import Hearing
    from media.speaking import Speaking

TICKS = 25  # kept before they are handed over
SILENT = 256  # mean magnitude below which a frame counts as silence (-42 dBFS)
_SAID, _HEARD = 0, 1
_CHANNELS = {
    "in": slice(_SAID, _SAID + 1),
    "out": slice(_HEARD, _HEARD + 1),
    "both": slice(_SAID, _HEARD + 1),
    "mix": slice(_SAID, _HEARD + 1),
    "room": slice(_HEARD, _HEARD + 1),
}
DIRECTIONS = tuple(_CHANNELS)
RATES = (8000, 16000)
_FOREVER = np.iinfo(np.int64).max


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """A recording that goes on in another engine."""

    order: Record
    ticks: int  # so far
    silent: int  # ticks of silence at its end
    lost: int  # ticks


class _Recording:
    """One recording of this engine."""

    __slots__ = ("first", "lost", "row", "slot", "tape", "ticks")

    def __init__(self, row: int, slot: int, tape: Tape, first: int) -> None:
        self.row, self.slot, self.tape = row, slot, tape
        self.first = first  # place in the arrays of its first tick there
        self.ticks = 0  # handed over, or lost
        self.lost = 0

    @property
    def channels(self) -> slice:
        return _CHANNELS[self.tape.order.direction]


class Recorder:
    """All recordings of one engine."""

    def __init__(self, legs: Legs, gains: Gains, disk: Disk) -> None:
        self._legs = legs
        self._gains = gains
        self._disk = disk
        self._slots = RowAllocator()
        self._recordings: dict[int, _Recording] = {}
        self._now = 0  # place of the next tick in the arrays
        self._sound = np.zeros((0, 2, TICKS, WIDE), np.int16)
        self._wide = np.zeros((0, 2, TICKS), np.bool_)  # the tick is of 16 kHz
        self._file_is_wide = np.zeros(0, np.bool_)
        self._left = np.zeros(0, np.int64)  # ticks until the longest time is over
        self._silent = np.zeros(0, np.int64)  # ticks of silence in a row
        self._patience = np.zeros(0, np.int64)  # how many of them end it
        # Rows that are recorded and the slots of that, for what is said and for what is heard.
        self._sources = [(np.zeros(0, np.intp), np.zeros(0, np.intp))] * 2
        self._impatient = np.zeros(0, np.intp)  # slots that end with silence
        self._limited = np.zeros(0, np.intp)  # slots that end with time

    @property
    def busy(self) -> bool:
        """Something is being recorded."""
        return bool(self._recordings)

    def start(self, row: int, order: Record, taken: Taken | None = None) -> None:
        """Begin a recording, or go on with one that another engine has begun. Raises ValueError."""
        if order.direction not in DIRECTIONS or order.rate not in RATES:
            raise ValueError(f"no recording of {order.direction!r} at {order.rate} Hz")
        if order.recording in self._recordings:
            raise ValueError(f"there is a recording {order.recording} already")
        slot = self._free_slot()
        tape = Tape(order, 2 if order.direction == "both" else 1)
        recording = self._recordings[order.recording] = _Recording(row, slot, tape, self._now)
        if taken is not None:
            recording.ticks, recording.lost = taken.ticks, taken.lost
        self._left[slot] = order.duration // 20 - recording.ticks if order.duration else _FOREVER
        self._silent[slot] = taken.silent if taken is not None else 0
        self._patience[slot] = order.silence // 20
        self._file_is_wide[slot] = order.rate == 16000
        self._sound[slot] = 0
        self._wide[slot] = order.rate == 16000
        if order.direction == "room":
            self._legs.is_ear[row] = True
        self._want(recording, 1)
        self._disk.begin(tape)

    def stop(self, number: int) -> None:
        """End a recording because somebody wants it."""
        if number in self._recordings:
            self._end(self._recordings[number], "stopped")

    def digit(self, row: int, digit: str) -> None:
        """End what the digit ends."""
        for recording in self._of(row):
            if digit in recording.tape.order.stop_digits:
                self._end(recording, "key")

    def close(self, row: int) -> None:
        """End all recordings of a leg that goes away."""
        for recording in self._of(row):
            self._end(recording, "hangup")

    def close_all(self) -> None:
        """End all recordings: the server goes away."""
        for recording in [*self._recordings.values()]:
            self._end(recording, "hangup")

    def take(self, row: int) -> list[Taken]:
        """Give up the recordings of a leg that goes on elsewhere."""
        taken = []
        for recording in self._of(row):
            self._hand_over(recording)
            silent = int(self._silent[recording.slot])
            taken.append(Taken(recording.tape.order, recording.ticks, silent, recording.lost))
            self._forget(recording)
        return taken

    def hear(self, hearing: Hearing) -> None:
        """Keep what legs say in this tick, before taps add to it; `tick` follows."""
        if self._recordings:
            self._keep(_SAID, hearing.rows, hearing.sound, hearing.wide, ~self._gains.mute_in)

    def tick(self, speaking: Speaking) -> None:
        """Keep what legs hear in this tick, and end what ends with it."""
        if not self._recordings:
            return
        self._keep(_HEARD, speaking.heard_rows, speaking.heard, speaking.heard_wide)
        quiet = self._listen()
        self._pass()
        for slot in quiet:
            self._end(next(item for item in self._recordings.values() if item.slot == slot), "silence")

    def skip(self, ticks: int) -> None:
        """Let ticks pass of which there is no sound."""
        for _ in range(ticks):
            if not self._recordings:
                return
            self._pass()

    def _keep(
        self,
        channel: int,
        rows: NDArray[np.intp],
        sound: NDArray[np.int16],
        wide: dict[int, NDArray[np.int16]],
        where: NDArray[np.bool_] | None = None,
    ) -> None:
        """Copy what `rows` say or hear, int16[k, 160] or at 16 kHz by row, to those who record it."""
        wanted, slots = self._sources[channel]
        if not len(wanted):
            return
        if where is not None and not where[wanted].all():
            wanted, slots = wanted[where[wanted]], slots[where[wanted]]
        place = np.full(self._legs.rows.capacity, -1, np.intp)
        place[rows] = np.arange(len(rows))
        found = place[wanted]
        there = found >= 0
        self._sound[slots[there], channel, self._now, :FRAME] = sound[found[there]]
        self._wide[slots[there], channel, self._now] = False
        for row in wide.keys() & set(wanted.tolist()):
            into = slots[wanted == row]
            self._sound[into, channel, self._now] = wide[row]
            self._wide[into, channel, self._now] = True

    def _listen(self) -> list[int]:
        """Return the slots whose sound has been silent for as long as their orders say."""
        slots = self._impatient
        if not len(slots):
            return []
        samples = np.where(self._wide[slots, :, self._now], WIDE, FRAME)
        level = np.abs(self._sound[slots, :, self._now].astype(np.int32)).sum(axis=2) / samples
        silent = (level < SILENT).all(axis=1)
        self._silent[slots] = np.where(silent, self._silent[slots] + 1, 0)
        over: list[int] = slots[self._silent[slots] >= self._patience[slots]].tolist()
        return over

    def _pass(self) -> None:
        """Go on to the next tick; hand over what is full, end what is long enough."""
        self._now += 1
        if self._now == TICKS:
            for recording in [*self._recordings.values()]:
                self._hand_over(recording)
                recording.first = 0
            self._sound = np.zeros_like(self._sound)
            self._wide[:] = self._file_is_wide[:, None, None]
            self._now = 0
            for recording in [*self._recordings.values()]:
                if recording.tape.fault:
                    self._end(recording, recording.tape.fault)
        if len(self._limited):
            self._left[self._limited] -= 1
            if (self._left[self._limited] <= 0).any():
                for recording in [*self._recordings.values()]:
                    if self._left[recording.slot] <= 0:
                        self._end(recording, "duration")

    def _hand_over(self, recording: _Recording) -> None:
        """Give the disk what has been kept of a recording."""
        span = slice(recording.first, self._now)
        ticks = self._now - recording.first
        if ticks <= 0:
            return
        sound = self._sound[recording.slot, recording.channels, span]
        wide = self._wide[recording.slot, recording.channels, span].copy()
        if self._now < TICKS:
            sound = sound.copy()
        if not self._disk.takes(Stretch(recording.tape, recording.ticks, sound, wide)):
            recording.lost += ticks
        recording.ticks += ticks
        recording.first = self._now

    def _end(self, recording: _Recording, reason: str) -> None:
        self._hand_over(recording)
        self._disk.end(End(recording.tape, reason, recording.ticks, recording.lost))
        self._forget(recording)

    def _forget(self, recording: _Recording) -> None:
        del self._recordings[recording.tape.order.recording]
        self._slots.release(recording.slot)
        self._want(recording, -1)

    def _of(self, row: int) -> list[_Recording]:
        return [recording for recording in self._recordings.values() if recording.row == row]

    def _want(self, recording: _Recording, change: int) -> None:
        """Ask for the sound of a recording's leg, or no longer; arrange what is copied in each tick."""
        for channel, wanted in ((_SAID, self._legs.want_said), (_HEARD, self._legs.want_heard)):
            if channel in range(2)[recording.channels]:
                wanted[recording.row] = int(wanted[recording.row]) + change
        running = [*self._recordings.values()]
        for channel in (_SAID, _HEARD):
            those = [item for item in running if channel in range(2)[item.channels]]
            rows, slots = [item.row for item in those], [item.slot for item in those]
            self._sources[channel] = (np.array(rows, np.intp), np.array(slots, np.intp))
        orders = [(item.slot, item.tape.order) for item in running]
        self._impatient = np.array([slot for slot, order in orders if order.silence], np.intp)
        self._limited = np.array([slot for slot, order in orders if order.duration], np.intp)

    def _free_slot(self) -> int:
        slot = self._slots.take()
        if slot is None:
            capacity = self._slots.grow()
            for name in ("_sound", "_wide", "_file_is_wide", "_left", "_silent", "_patience"):
                setattr(self, name, grown(getattr(self, name), capacity))
            slot = self._slots.take()
        assert slot is not None
        return slot
