"""Pass-through: in a room of two with one codec, payload octets go from jitter buffer to packet without decoding.

That holds for each direction by itself, and tick by tick: what is not whole (a loss, a correction of the delay, a
gain on its way, something played) takes the way through PCM for that tick. G.711 has no memory, so the two ways
join without a seam; all that is needed is the frame before, which `recall` fetches from the ring. G.722 does have
memory, in the far phone: its octets are always copied, a lost quantum being replaced by the one before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ULAW_DECODE
from media.conceal import QUANTA, Concealer
from media.jitter import JitterBuffer, Step
from media.legs import ALAW, G722, LAWS, MIXED, Legs
from media.mixer import Mixer
from media.rtp import FRAME

_NOBODY = np.zeros(0, np.intp)


class Passing:
    """Chooses and copies."""

    def __init__(self, legs: Legs, jitter: JitterBuffer, concealer: Concealer, mixer: Mixer) -> None:
        self._legs = legs
        self._jitter = jitter
        self._concealer = concealer
        self._mixer = mixer
        self.sources = _NOBODY  # rows whose octets were copied in the last tick
        self.rows = _NOBODY  # who gets them
        self.octets = np.zeros((0, FRAME), np.uint8)

    def copy(self, rows: NDArray[np.intp], step: Step) -> NDArray[np.intp]:
        """Copy what ascending `rows` say in this tick where that can be; return those to be decoded instead."""
        mixer, before = self._mixer, self.sources
        chosen = np.flatnonzero(mixer.passing[rows])
        if not len(chosen) and not len(before):
            return _NOBODY
        who = rows[chosen]
        octets, present = self._jitter.read(who, step.start[chosen])
        whole = present.all(axis=1) & ~step.spliced[chosen]
        frames = octets.reshape(len(who), FRAME)
        broken = _NOBODY
        if not whole.all():
            for place in np.flatnonzero(~whole & (self._legs.spoken[who] == G722)).tolist():
                whole[place] = self._patch(int(who[place]), step, int(chosen[place]), frames[place])
            broken = who[~whole]
            who, frames = who[whole], frames[whole]
        if len(before) != len(who) or (before != who).any():
            self._resume(np.setdiff1d(before, who), rows, step)
            mixer.copied[:] = False
            mixer.copied[mixer.plan.partner[who]] = True
        self.sources, self.rows, self.octets = who, mixer.plan.partner[who], frames
        return broken

    def recall(self, rows: NDArray[np.intp], ends: NDArray[np.int64]) -> None:
        """Tell the concealer what copied rows said in the 20 ms before quantum `ends`, as if it had been decoded."""
        law = self._laws(rows, ends)
        for row in rows[law == G722].tolist():
            if row in self._legs.by_row:
                self._legs.by_row[row].wideband.forget()
        octets, present = self._jitter.read(rows, ends - 2)
        flat = octets.reshape(len(rows), FRAME)
        sound = np.where((law == ALAW)[:, None], ALAW_DECODE[flat], ULAW_DECODE[flat])
        there = present.all(axis=1) & (law != G722)
        self._concealer.last[rows] = np.where(there[:, None], sound, 0)
        self._concealer.run[rows] = np.where(there, 0, QUANTA + 1)

    def _laws(self, rows: NDArray[np.intp], ends: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the law of the 20 ms before quantum `ends`: those that were copied are all of one."""
        law = self._legs.spoken[rows]
        for place in np.flatnonzero(law == MIXED).tolist():
            row = int(rows[place])
            kind = self._jitter.kinds_of(row, int(ends[place]) - 1, 1)[0]
            law[place] = LAWS.get(self._legs.by_row[row].formats.codecs.get(kind, ""), G722)
        return law

    def recall_now(self, rows: NDArray[np.intp]) -> None:
        """Do the same between two ticks, for those of `rows` that were copied in the last one."""
        rows = np.intersect1d(rows, self.sources)
        if len(rows):
            self.recall(rows, self._jitter.play[rows])

    def _resume(self, left: NDArray[np.intp], rows: NDArray[np.intp], step: Step) -> None:
        """Prepare rows that were copied in the tick before and are not any more."""
        left = np.intersect1d(left, rows)
        if len(left):
            self.recall(left, step.start[np.searchsorted(rows, left)])

    def _patch(self, row: int, step: Step, place: int, frame: NDArray[np.uint8]) -> bool:
        """Make a G.722 frame of what is there, in place; False after 60 ms without anything."""
        if self._jitter.dry[row] > QUANTA // 2:
            return False
        count, start = int(step.quanta[place]), step.start[place : place + 1] - QUANTA
        octets, present = self._jitter.read(np.array([row]), start, QUANTA + 3)
        halves = frame.reshape(2, -1)
        for half, quantum in enumerate((0, 0) if count == 1 else (0, 2) if count == 3 else (0, 1)):
            there = np.flatnonzero(present[0, : QUANTA + quantum + 1])
            if not len(there) or there[-1] < quantum:
                return False
            halves[half] = octets[0, there[-1]]
        return True
