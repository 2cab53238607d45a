"""What legs play: a queue of playouts per leg, cut into frames of 20 ms from the shared clip bank.

A playout is a list of clips played without a gap. `urgent` ones go before everything queued, which goes on
afterwards where it was. A frame may hold the end of one playout and the start of the next. Legs of 8 kHz in the
middle of an 8 kHz clip are served together by one gather; clip ends, G.722 legs and clips of the other rate go
through `_next`, one by one. `PlayDone` comes exactly once for each playout.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from media.messages import ClipRef, Play, PlayDone
from media.resample import DOUBLE_STATE, HALVE_STATE, double, halve
from media.rows import grown
from media.rtp import FRAME


class Playout:
    """One queued order and how far it got."""

    __slots__ = ("clip", "clips", "done", "id", "loop", "mix", "order", "position", "stop_digits")

    def __init__(self, order: Play) -> None:
        self.order = order
        self.id = order.playout
        self.clips = [clip for clip in order.clips if clip.samples > 0]
        self.loop = order.loop and bool(self.clips)
        self.stop_digits = order.stop_digits
        self.mix = order.mix
        self.clip = 0  # index of the current one
        self.position = 0  # samples played of it
        self.done = 0.0  # ms played of the clips before it

    @property
    def current(self) -> ClipRef | None:
        """The clip that plays; None at the end."""
        return self.clips[self.clip] if self.clip < len(self.clips) else None

    @property
    def played(self) -> int:
        """Milliseconds played."""
        clip = self.current
        return int(self.done + (self.position * 1000 / clip.rate if clip else 0))

    def forward(self, samples: int) -> None:
        """Count samples of the current clip as played; go to the next clip at its end."""
        clip = self.clips[self.clip]
        self.position += samples
        if self.position >= clip.samples:
            self.done += clip.samples * 1000 / clip.rate
            self.position = 0
            self.clip += 1
            if self.loop and self.clip == len(self.clips):
                self.clip = 0


class Player:
    """The queues of all legs. `finished` is called with each PlayDone."""

    def __init__(self, capacity: int, bank: NDArray[np.int16], finished: Callable[[PlayDone], None]) -> None:
        self._bank = bank
        self._windows = as_strided(bank, (len(bank) - FRAME + 1, FRAME), (2, 2), writeable=False)
        self._finished = finished
        self._queues: dict[int, deque[Playout]] = {}
        self._legs: dict[int, int] = {}
        self.busy = np.zeros(0, np.bool_)  # the row plays something
        self.mix = np.zeros(0, np.bool_)  # and goes on hearing its room
        self._rate = np.zeros(0, np.int32)  # Hz of the leg
        self._at = np.zeros(0, np.int64)  # next sample in the bank, for rows that are served together
        self._left = np.zeros(0, np.int64)  # samples left of the clip; 0: served one by one
        self._past = np.zeros((0, HALVE_STATE), np.int16)  # what the rate conversion remembers
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        for name in ("busy", "mix", "_rate", "_at", "_left", "_past"):
            setattr(self, name, grown(getattr(self, name), capacity))

    def open(self, row: int, leg: int) -> None:
        """Begin with an empty queue."""
        self._queues[row] = deque()
        self._legs[row] = leg
        self.busy[row] = False
        self._rate[row] = 8000
        self._left[row] = 0
        self._past[row] = 0

    def set_rate(self, row: int, rate: int) -> None:
        """Give the leg's sampling rate, 8000 or 16000 Hz."""
        self._store(row)
        if rate != self._rate[row]:
            self._past[row] = 0
        self._rate[row] = rate
        self._load(row)

    def play(self, row: int, order: Play) -> None:
        """Queue a playout; without sound in it, it is over at once."""
        queue = self._queues[row]
        playout = Playout(order)
        self._store(row)
        if order.urgent:
            queue.appendleft(playout)
        else:
            queue.append(playout)
        self._settle(row)

    def stop(self, row: int, playout: int, reason: str) -> None:
        """End one playout, or with 0 all of the row's."""
        self._cut(row, reason, lambda item: playout in (0, item.id))

    def digit(self, row: int, digit: str) -> None:
        """End what the digit ends: everything queued that names it."""
        self._cut(row, "digit", lambda item: digit in item.stop_digits)

    def _cut(self, row: int, reason: str, ends: Callable[[Playout], bool]) -> None:
        self._store(row)
        queue = self._queues[row]
        ended = [item for item in queue if ends(item)]
        for item in ended:
            queue.remove(item)
        for item in ended:
            self._report(row, item, reason)
        self._settle(row)

    def close(self, row: int) -> None:
        """End all playouts of a leg that goes away."""
        self.stop(row, 0, "closed")
        del self._queues[row], self._legs[row]

    def take(self, row: int) -> list[tuple[Play, int, int, float]]:
        """Give up a row without ending its playouts: each with clip, position and milliseconds done."""
        self._store(row)
        del self._legs[row]
        self.busy[row] = False
        self._left[row] = 0
        return [(item.order, item.clip, item.position, item.done) for item in self._queues.pop(row)]

    def resume(self, row: int, playouts: list[tuple[Play, int, int, float]]) -> None:
        """Go on with what `take` returned."""
        for order, clip, position, done in playouts:
            playout = Playout(order)
            playout.clip, playout.position, playout.done = clip, position, done
            self._queues[row].append(playout)
        self._settle(row)

    def frames(self, rows: NDArray[np.intp]) -> NDArray[np.int16]:
        """Return int16[k, 160], the next 20 ms of k busy rows of 8 kHz."""
        left = self._left[rows]
        together = left > FRAME
        if together.all():
            sound = self._windows[self._at[rows]]
            self._at[rows] += FRAME
            self._left[rows] = left - FRAME
            return sound
        sound = np.empty((len(rows), FRAME), np.int16)
        many = rows[together]
        if len(many):
            sound[together] = self._windows[self._at[many]]
            self._at[many] += FRAME
            self._left[many] = left[together] - FRAME
        sound[~together] = self._each(rows[~together], 8000)
        return sound

    def wide_frames(self, rows: NDArray[np.intp]) -> NDArray[np.int16]:
        """Return int16[k, 320], the next 20 ms of k busy rows of 16 kHz."""
        return self._each(rows, 16000)

    def _each(self, rows: NDArray[np.intp], rate: int) -> NDArray[np.int16]:
        """Cut a frame for each row and bring them to the legs' rate, those of the other rate together."""
        sound = np.empty((len(rows), rate // 50), np.int16)
        other: list[int] = []
        cut: list[NDArray[np.int16]] = []
        for place, row in enumerate(rows.tolist()):
            frame, clip_rate = self._next(row)
            if clip_rate == rate:
                sound[place] = frame
                self._past[row] = 0
            else:
                other.append(place)
                cut.append(frame)
        if other:
            who = rows[other]
            convert, memory = (double, DOUBLE_STATE) if rate == 16000 else (halve, HALVE_STATE)
            sound[other], self._past[who, :memory] = convert(np.stack(cut), self._past[who, :memory])
        return sound

    def _next(self, row: int) -> tuple[NDArray[np.int16], int]:
        """Take the next 20 ms of a row's queue: int16[rate / 50] and the rate; silence after its end.

        The whole frame comes from clips of one rate; where the rate changes, the frame ends in silence.
        """
        self._store(row)
        queue = self._queues[row]
        head = queue[0].current
        assert head is not None
        rate = head.rate
        wanted = rate // 50
        parts: list[NDArray[np.int16]] = []
        while wanted and queue:
            clip = queue[0].current
            assert clip is not None
            if clip.rate != rate:
                break
            count = min(wanted, clip.samples - queue[0].position)
            start = clip.offset + queue[0].position
            parts.append(self._bank[start : start + count])
            queue[0].forward(count)
            wanted -= count
            self._retire(row)
        self._load(row)
        if wanted:
            parts.append(np.zeros(wanted, np.int16))
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)), rate

    def _settle(self, row: int) -> None:
        """Drop empty playouts from the head of the queue and point the arrays at what plays."""
        self._retire(row)
        self._load(row)

    def _retire(self, row: int) -> None:
        """Report playouts at the head of the queue that are over."""
        queue = self._queues[row]
        while queue and queue[0].current is None:
            self._report(row, queue.popleft(), "end")

    def _report(self, row: int, playout: Playout, reason: str) -> None:
        self._finished(PlayDone(self._legs[row], playout.id, reason, playout.played))

    def _load(self, row: int) -> None:
        """Copy the head of the queue into the arrays if it can be served together with others."""
        queue = self._queues[row]
        self.busy[row] = bool(queue)
        self.mix[row] = bool(queue) and queue[0].mix
        self._left[row] = 0
        if not queue or self._rate[row] != 8000:
            return
        clip = queue[0].current
        if clip is not None and clip.rate == 8000:
            self._at[row] = clip.offset + queue[0].position
            self._left[row] = clip.samples - queue[0].position

    def _store(self, row: int) -> None:
        """Copy the arrays' progress back into the head of the queue."""
        if self._left[row]:
            head = self._queues[row][0]
            clip = head.current
            assert clip is not None
            head.position = clip.samples - int(self._left[row])
