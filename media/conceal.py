"""What is heard instead of lost sound, and how 10 ms are left out or put in without a click.

Concealment: the last good 20 ms are repeated, fading by 0.7 every 10 ms; after 60 ms there is silence.
Splices: overlap-add of two stretches of 10 ms with a linear cross-fade, so that every sample joins its neighbour.
All sound here is at 8 kHz (QUANTUM samples are 10 ms), but for the free functions, which take any length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.rows import grown
from media.rtp import FRAME, QUANTUM

FADE = 0.7
QUANTA = 6  # lost in a row until silence
_GAIN = np.array([FADE**n for n in range(QUANTA + 1)] + [0.0], np.float32)
_GAIN[0] = 1.0


def cross_fade(before: NDArray[np.int16], after: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return int16[n] that begins as `before` and ends as `after`, both int16[n]."""
    ramp = (np.arange(len(before), dtype=np.float32) + 0.5) / len(before)
    mixed = before * (1 - ramp) + after * ramp
    return np.rint(mixed).astype(np.int16)


def drop(sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """Make 20 ms of the 30 ms in `sound` by overlapping its first two thirds."""
    third = len(sound) // 3
    return np.concatenate([cross_fade(sound[:third], sound[third : 2 * third]), sound[2 * third :]])


def hold(last: NDArray[np.int16], sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """Make 20 ms of the 10 ms in `sound`, which continue `last` (10 ms): lead back to where `last` ended."""
    return np.concatenate([cross_fade(sound, last), sound])


def lead_over(last: NDArray[np.int16], sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return int16[n] `sound` of another decoder than that of `last`, int16[n] just before it, without a step.

    The mirror image of `last`, which begins where it ends, is faded into the first quarter of it.
    """
    ramp = len(sound) // 4
    return np.concatenate([cross_fade(last[::-1][:ramp], sound[:ramp]), sound[ramp:]])


class Concealer:
    """Fills lost quanta, one row per leg."""

    def __init__(self, capacity: int) -> None:
        self.last = np.zeros((capacity, FRAME), np.int16)  # what was last heard in each half of a frame
        self.run = np.full(capacity, QUANTA + 1, np.int32)  # quanta lost in a row

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        self.last = grown(self.last, capacity)
        old = len(self.run)
        self.run = grown(self.run, capacity)
        self.run[old:] = QUANTA + 1

    def reset(self, row: int) -> None:
        """Forget what the row heard."""
        self.last[row] = 0
        self.run[row] = QUANTA + 1

    def fill(self, rows: NDArray[np.intp], sound: NDArray[np.int16], present: NDArray[np.bool_]) -> None:
        """Replace the lost halves of int16[k, 160] frames in place; `present` is bool[k, 2]."""
        if present.all():
            self.last[rows] = sound
            self.run[rows] = 0
            return
        for half in (0, 1):
            span = slice(half * QUANTUM, (half + 1) * QUANTUM)
            here = present[:, half]
            good, lost = rows[here], rows[~here]
            self.last[good, span] = sound[here, span]
            self.run[good] = 0
            run = np.minimum(self.run[lost] + 1, QUANTA + 1)
            self.run[lost] = run
            sound[~here, span] = self.last[lost, span] * _GAIN[run][:, None]

    def is_quiet(self, rows: NDArray[np.intp], level: float) -> NDArray[np.bool_]:
        """Tell rows whose last frame has a mean magnitude below `level`, or that is silent anyway."""
        magnitude = np.abs(self.last[rows].astype(np.int32)).mean(axis=1)
        quiet: NDArray[np.bool_] = (magnitude < level) | (self.run[rows] > QUANTA)
        return quiet

    def level(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the level of the last frames in dBov (0: a full-scale square wave), -127 for silence."""
        power = np.square(self.last[rows].astype(np.float64)).mean(axis=1)
        power[self.run[rows] > QUANTA] = 0.0
        level: NDArray[np.float64] = np.maximum(10 * np.log10(power / 32768**2 + 1e-13), -127.0)
        return level
