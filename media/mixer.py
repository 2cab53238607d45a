"""What the legs of rooms hear: everybody else of their room, added up and clipped (N-1 mixing).

Two gains per row are followed with a ramp over one frame, so that nothing starts or stops with a click: `say`, how
loud the others hear the leg (0 while it is muted, echoed or leaving), and `hear`, how loud it hears them (0 while
something else is played to it). A leg that is gone at once leaves a tail: its last frame backwards, fading, which
joins the sound before without a step.

A tick calls `prepare` before legs are heard, which settles gains and says whose sound is needed, and `mix` after.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.legs import G722, OFF, Legs
from media.playout import Player
from media.resample import DOUBLE_STATE, double
from media.rooms import Plan, Rooms
from media.rows import grown
from media.rtp import FRAME
from media.wideband import RATE

_WIDE = RATE // 50
_UP = ((np.arange(_WIDE) + 0.5) / _WIDE).astype(np.float32)
_DOWN = 1 - (np.arange(FRAME, dtype=np.float32) + 0.5) / FRAME
_SILENCE = np.zeros((1, FRAME), np.int16)
_MOST, _LEAST = 32767, -32768

MAX_GAIN = 8.0
MUTES = {"": (False, False), "in": (True, False), "out": (False, True), "both": (True, True)}


def clipped(sound: NDArray[Any]) -> NDArray[np.int16]:
    """Return a sound of wider numbers as int16."""
    limited: NDArray[np.int16] = np.clip(sound, _LEAST, _MOST).astype(np.int16)
    return limited


def add(one: NDArray[np.int16], other: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the clipped sum of two sounds."""
    return clipped(one.astype(np.int32) + other)


class Mixed(NamedTuple):
    """What legs hear of their rooms in one tick."""

    rows: NDArray[np.intp]  # of 8 kHz
    sound: NDArray[np.int16]  # [k, 160]
    wide: dict[int, NDArray[np.int16]]  # int16[320] by row of 16 kHz


class Mixer:
    """Rooms, gains and sums of one engine."""

    def __init__(self, legs: Legs, player: Player) -> None:
        self._legs = legs
        self._player = player
        self.rooms = Rooms()
        self.plan: Plan = self.rooms.plan(legs.law)
        self.gain = np.zeros(0, np.float32)  # asked for
        self.mute_in = np.zeros(0, np.bool_)
        self.mute_out = np.zeros(0, np.bool_)
        self.say = np.zeros(0, np.float32)  # at the end of the last frame
        self.hear = np.zeros(0, np.float32)
        self.hears = np.zeros(0, np.bool_)  # its room, or would if it got no digits
        self.say_next = np.zeros(0, np.float32)  # at the end of this frame
        self.hear_next = np.zeros(0, np.float32)
        self.passing = np.zeros(0, np.bool_)  # what the row says may be copied to its partner
        self.copied = np.zeros(0, np.bool_)  # the row gets a copy in this tick
        self._past = np.zeros((0, DOUBLE_STATE), np.int16)  # of what 16 kHz legs hear of 8 kHz ones
        self._leaving: set[int] = set()
        self._tails: list[tuple[int, NDArray[np.float32]]] = []  # by room
        self.grow(legs.rows.capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        for name in (
            "gain", "mute_in", "mute_out", "say", "hear", "say_next", "hear_next", "hears", "passing", "copied",
            "_past",
        ):  # fmt: skip
            setattr(self, name, grown(getattr(self, name), capacity))
        self.rooms.changed()

    def reset(self, row: int) -> None:
        """Make the row that of a new leg."""
        self.gain[row] = 1.0
        self.mute_in[row] = self.mute_out[row] = False
        self.say[row] = self.hear[row] = 0.0
        self._past[row] = 0

    def join(self, row: int, room: int, last: NDArray[np.int16]) -> None:
        """Let a row enter a room; `last` as for `remove`, of the room that it leaves thereby."""
        if self.rooms.of.get(row) == room:
            self._leaving.discard(row)
            return
        self.remove(row, last)
        self.rooms.join(row, room)
        self.say[row] = self.hear[row] = 0.0

    def leave(self, row: int) -> None:
        """Let a row fade out of its room within the next tick."""
        if row in self.rooms.of:
            self._leaving.add(row)

    def remove(self, row: int, last: NDArray[np.int16]) -> None:
        """Take a row out of its room at once; `last` int16[160] is what it said last."""
        if row not in self.rooms.of:
            return
        if self.say[row]:
            self._tails.append((self.rooms.of[row], last[::-1] * (_DOWN * self.say[row])))
        self._leaving.discard(row)
        self.rooms.leave(row)

    def listener(self, row: int) -> int | None:
        """Return the row that hears this one, and only this one, as things were in the last tick."""
        other = self.rooms.partner(row)
        if other is None or not self.say_next[row] or not self.hears[other]:
            return None
        return other

    def prepare(self, digits: list[int]) -> None:
        """Settle the gains of this tick; rows in `digits` hear digits instead of their room."""
        self.plan = self.rooms.plan(self._legs.law)
        if not self.rooms.of:
            self.passing[:] = False
            return
        legs = self._legs
        present = legs.echo == OFF
        present[list(self._leaving)] = False
        free = ~self._player.busy
        hear = present & ~self.mute_out & legs.streaming & legs.sending & (self._player.mix | free)
        self.hears = hear.copy()
        hear[digits] = False
        self.hear_next = hear.astype(np.float32)
        self.say_next = np.where(present & ~self.mute_in, self.gain, np.float32(0.0))
        self._choose(free)

    def _choose(self, free: NDArray[np.bool_]) -> None:
        """Find who may be copied to its partner: one codec, nothing played, no gain on its way."""
        plan, law = self.plan, self._legs.law
        self.passing[:] = False
        rows = plan.paired
        if not len(rows):
            return
        partner = plan.partner[rows]
        untouched = (self.say == 1) & (self.say_next == 1)
        open_ = (self.hear == 1) & (self.hear_next == 1) & free
        self.passing[rows] = untouched[rows] & open_[partner] & (law[rows] == law[partner])
        for room, _ in self._tails:
            self.passing[self.rooms.members.get(room, [])] = False

    def mix(
        self, speakers: NDArray[np.intp], voices: NDArray[np.int16], wide: dict[int, NDArray[np.int16]]
    ) -> Mixed:
        """Return what the legs of rooms hear in this tick.

        `voices` int16[k, 160] is what the rows `speakers` say, at 8 kHz, `wide` what those of 16 kHz say, by row.
        """
        plan = self.plan
        if not self.rooms.of:
            self._tails.clear()
            return Mixed(speakers[:0], voices[:0], {})
        if not plan.rooms and not self._tails and self.copied[plan.paired].all():
            self._end()
            return Mixed(speakers[:0], voices[:0], {})
        said = np.concatenate([voices, _SILENCE])
        place = np.full(len(self.say), len(speakers), np.intp)
        place[speakers] = np.arange(len(speakers))
        self._scale(speakers, said, place)
        rows, sound = self._add_up(plan, said, place)
        if self._tails:
            rows, sound = self._add_tails(rows, sound)
        is_wide = self._legs.law[rows] == G722
        if is_wide.any() or plan.wide.any():
            loud = {row: self._scaled_wide(row, frame) for row, frame in wide.items()}
            heard = self._mix_wide(plan, rows[is_wide], sound[is_wide], loud)
            rows, sound = rows[~is_wide], sound[~is_wide]
        else:
            heard = {}
        mixed = self._fade(rows, sound, heard)
        self._end()
        return mixed

    def _scale(self, rows: NDArray[np.intp], said: NDArray[np.int16], place: NDArray[np.intp]) -> None:
        """Apply the gains to what is said, in place; who says nothing gets the place of silence."""
        say, after = self.say[rows], self.say_next[rows]
        silent = (say == 0) & (after == 0)
        place[rows[silent]] = len(rows)
        other = np.flatnonzero(~silent & ((say != 1) | (after != 1)))
        if len(other):
            ramp = say[other, None] + (after - say)[other, None] * _UP[1::2]
            said[other] = np.clip(said[other] * ramp, _LEAST, _MOST)

    def _scaled_wide(self, row: int, frame: NDArray[np.int16]) -> NDArray[np.int16]:
        """Apply the gain to what a 16 kHz leg says."""
        before, after = self.say[row], self.say_next[row]
        if before == after == 1:
            return frame
        return clipped(frame * (before + (after - before) * _UP))

    def _add_up(
        self, plan: Plan, said: NDArray[np.int16], place: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        """Return rows in company and int16[k, 160], what each hears at 8 kHz."""
        paired = plan.paired[~(plan.wide | self.copied)[plan.paired]]
        heard = said[place[plan.partner[paired]]]
        if not plan.rooms:
            return paired, heard
        total = np.zeros((plan.rooms, FRAME), np.int32)
        for number, rows in enumerate(plan.crowds):
            said[place[rows]].sum(axis=0, dtype=np.int32, out=total[number])
        small = total[len(plan.crowds) :]
        for column in plan.columns:
            small[: len(column)] += said[place[column]]
        others = total[plan.index]
        others -= said[place[plan.many]]
        for room in plan.wide_rooms:
            others[room.places] = said[place[room.narrow]].sum(axis=0, dtype=np.int32)
        mixed = np.clip(others, _LEAST, _MOST, out=others).astype(np.int16)
        if not len(paired):
            return plan.many, mixed
        return np.concatenate([paired, plan.many]), np.concatenate([heard, mixed])

    def _add_tails(
        self, rows: NDArray[np.intp], sound: NDArray[np.int16]
    ) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
        """Let the voices of legs that are gone end softly."""
        for room, tail in self._tails:
            members = np.array(self.rooms.members.get(room, []), np.intp)
            alone = members[~np.isin(members, rows)]
            rows = np.concatenate([rows, alone])
            sound = np.concatenate([sound, np.zeros((len(alone), FRAME), np.int16)])
            which = np.isin(rows, members)
            sound[which] = np.clip(sound[which] + tail, _LEAST, _MOST)
        self._tails.clear()
        return rows, sound

    def _mix_wide(
        self,
        plan: Plan,
        rows: NDArray[np.intp],
        sound: NDArray[np.int16],
        wide: dict[int, NDArray[np.int16]],
    ) -> dict[int, NDArray[np.int16]]:
        """Return what 16 kHz legs hear: `sound` int16[k, 160] of others at 8 kHz, and those of `wide`."""
        mixed: dict[int, NDArray[np.int16]] = {}
        silence = np.zeros(_WIDE, np.int16)
        sounds = sound.any(axis=1) | self._past[rows].any(axis=1)
        mixed.update(dict.fromkeys(rows[~sounds].tolist(), silence))
        if sounds.any():
            who = rows[sounds]
            doubled, self._past[who] = double(sound[sounds], self._past[who])
            mixed.update(zip(who.tolist(), doubled, strict=True))
        for row in plan.paired[(plan.wide & ~self.copied)[plan.paired]].tolist():
            mixed[row] = wide.get(int(plan.partner[row]), silence)
        for room in plan.wide_rooms:
            members = room.wide.tolist()
            said = np.stack([wide.get(row, silence) for row in members])
            others = said.sum(axis=0, dtype=np.int32) - said
            others += np.stack([mixed[row] for row in members])
            mixed.update(zip(members, clipped(others), strict=True))
        return mixed

    def _fade(
        self, rows: NDArray[np.intp], sound: NDArray[np.int16], wide: dict[int, NDArray[np.int16]]
    ) -> Mixed:
        """Apply the gains to what is heard; who hears nothing is left out."""
        hear, after = self.hear[rows], self.hear_next[rows]
        if not (hear.all() and after.all()):
            change = np.flatnonzero(hear != after)
            ramp = hear[change, None] + (after - hear)[change, None] * _UP[1::2]
            sound[change] = sound[change] * ramp
            hears = (hear > 0) | (after > 0)
            rows, sound = rows[hears], sound[hears]
        for row in list(wide):
            before, now = self.hear[row], self.hear_next[row]
            if before == now == 0:
                del wide[row]
            elif before != now:
                wide[row] = (wide[row] * (before + (now - before) * _UP)).astype(np.int16)
        return Mixed(rows, sound, wide)

    def _end(self) -> None:
        """Keep the gains for the next tick and let go who has faded out."""
        self.say, self.hear = self.say_next, self.hear_next
        for row in self._leaving:
            self.rooms.leave(row)
        self._leaving.clear()
