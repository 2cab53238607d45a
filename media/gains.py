"""How loud legs of rooms are heard and hear, followed with a ramp over one frame so that nothing clicks.

Two gains per row: `say`, how loud the others hear the leg (0 while it is muted, echoed or leaving), and `hear`, how
loud it hears them (0 while something else is played to it). Both are 0 when a leg enters a room. `settle` sets what
they shall be at the end of a tick's frame, the scaling methods lead there, `end` keeps it for the next tick.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media.legs import OFF, Legs
from media.playout import Player
from media.rows import grown
from media.wideband import RATE

MAX_GAIN = 8.0
MUTES = {"": (False, False), "in": (True, False), "out": (False, True), "both": (True, True)}
MOST, LEAST = 32767, -32768
_WIDE = RATE // 50
_UP = ((np.arange(_WIDE) + 0.5) / _WIDE).astype(np.float32)
_UP_NARROW = _UP[1::2]


def clipped(sound: NDArray[Any]) -> NDArray[np.int16]:
    """Return a sound of wider numbers as int16."""
    limited: NDArray[np.int16] = np.maximum(np.minimum(sound, MOST), LEAST).astype(
        np.int16
    )  # np.clip takes three times as long
    return limited


def add(one: NDArray[np.int16], other: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the clipped sum of two sounds."""
    return clipped(one.astype(np.int32) + other)


class Gains:
    """Gains and mutes by row."""

    def __init__(self, capacity: int) -> None:
        self.gain = np.zeros(0, np.float32)  # asked for
        self.mute_in = np.zeros(0, np.bool_)
        self.mute_out = np.zeros(0, np.bool_)
        self.say = np.zeros(0, np.float32)  # at the end of the last frame
        self.hear = np.zeros(0, np.float32)
        self.say_next = np.zeros(0, np.float32)  # at the end of this frame
        self.hear_next = np.zeros(0, np.float32)
        self.hears = np.zeros(0, np.bool_)  # its room, or would if it got no digits
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        for name in ("gain", "mute_in", "mute_out", "say", "hear", "say_next", "hear_next", "hears"):
            setattr(self, name, grown(getattr(self, name), capacity))

    def reset(self, row: int) -> None:
        """Make the row that of a new leg."""
        self.gain[row] = 1.0
        self.mute_in[row] = self.mute_out[row] = False
        self.enter(row)

    def enter(self, row: int) -> None:
        """Begin in silence."""
        self.say[row] = self.hear[row] = 0.0

    def settle(self, legs: Legs, player: Player, leaving: Iterable[int], digits: list[int]) -> None:
        """Set the gains at the end of this tick's frame; rows in `digits` hear digits instead of their room."""
        present = legs.echo == OFF
        present[list(leaving)] = False
        heard = player.mix | ~player.busy
        reached = (legs.streaming & legs.sending) | legs.is_ear
        self.hears = present & ~self.mute_out & reached & heard
        self.hear_next = self.hears.astype(np.float32)
        self.hear_next[digits] = 0.0
        self.say_next = np.where(present & ~self.mute_in, self.gain, np.float32(0.0))

    def end(self) -> None:
        """Let the next frame begin where this one ended."""
        self.say, self.hear = self.say_next, self.hear_next

    def scale_said(self, rows: NDArray[np.intp], said: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Scale in place what k rows say, int16[k or more, 160]; return which of them say nothing."""
        say, after = self.say[rows], self.say_next[rows]
        silent: NDArray[np.bool_] = (say == 0) & (after == 0)
        other = np.flatnonzero(~silent & ((say != 1) | (after != 1)))
        if len(other):
            ramp = say[other, None] + (after - say)[other, None] * _UP_NARROW
            said[other] = np.clip(said[other] * ramp, LEAST, MOST)
        return silent

    def scale_said_wide(self, row: int, frame: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return what a row says at 16 kHz, scaled."""
        before, after = self.say[row], self.say_next[row]
        if before == after == 1:
            return frame
        return clipped(frame * (before + (after - before) * _UP))

    def scale_heard(self, rows: NDArray[np.intp], heard: NDArray[np.int16]) -> NDArray[np.bool_] | None:
        """Scale in place what k rows hear, int16[k, 160]; return which of them hear anything, None for all."""
        hear, after = self.hear[rows], self.hear_next[rows]
        if hear.all() and after.all():
            return None
        change = np.flatnonzero(hear != after)
        heard[change] = heard[change] * (hear[change, None] + (after - hear)[change, None] * _UP_NARROW)
        return np.asarray((hear > 0) | (after > 0))

    def scale_heard_wide(self, row: int, frame: NDArray[np.int16]) -> NDArray[np.int16] | None:
        """Return what a row hears at 16 kHz, scaled; None for nothing."""
        before, after = self.hear[row], self.hear_next[row]
        if before == after:
            return frame if after else None
        return clipped(frame * (before + (after - before) * _UP))
