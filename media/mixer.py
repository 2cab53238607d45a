"""What the legs of rooms hear: everybody else of their room, added up and clipped (N-1 mixing).

A tick calls `prepare` before legs are heard, which settles gains (`media.gains`) and says whose sound may be copied
instead (`media.passing`), and `mix` after. A leg that is gone at once leaves a tail: its last frame backwards,
fading, which joins the sound before it without a step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.gains import LEAST, MOST, Gains, clipped
from media.legs import G722, L16, Legs
from media.playout import Player
from media.resample import DOUBLE_STATE, double
from media.rooms import Plan, Rooms
from media.rows import grown
from media.rtp import FRAME
from media.wideband import RATE

_SILENCE = np.zeros((1, FRAME), np.int16)
_DOWN = 1 - (np.arange(2 * FRAME, dtype=np.float32) + 0.5) / (2 * FRAME)


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
        self.gains = Gains(legs.rows.capacity)
        self.passing = np.zeros(0, np.bool_)  # what the row says may be copied to its partner
        self.copied = np.zeros(0, np.bool_)  # the row gets a copy in this tick
        self._past = np.zeros((0, DOUBLE_STATE), np.int16)  # of what 16 kHz legs hear of 8 kHz ones
        self._leaving: set[int] = set()
        self._tails: list[tuple[int, NDArray[np.float32]]] = []  # by room
        self.grow(legs.rows.capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        self.gains.grow(capacity)
        for name in ("passing", "copied", "_past"):
            setattr(self, name, grown(getattr(self, name), capacity))
        self.rooms.changed()

    def reset(self, row: int) -> None:
        """Make the row that of a new leg."""
        self.gains.reset(row)
        self._past[row] = 0

    def join(self, row: int, room: int, last: NDArray[np.int16]) -> None:
        """Let a row enter a room; `last` as for `remove`, of the room that it leaves thereby."""
        if self.rooms.of.get(row) == room:
            self._leaving.discard(row)
            return
        self.remove(row, last)
        self.rooms.join(row, room)
        self.gains.enter(row)

    def leave(self, row: int) -> None:
        """Let a row fade out of its room within the next tick."""
        if row in self.rooms.of:
            self._leaving.add(row)

    def remove(self, row: int, last: NDArray[np.int16]) -> None:
        """Take a row out of its room at once; `last` is what it said last, 20 ms of it at 8 or 16 kHz."""
        if row not in self.rooms.of:
            return
        if self.gains.say[row]:
            down = _DOWN[:: 2 * FRAME // len(last)]
            self._tails.append((self.rooms.of[row], last[::-1] * (down * self.gains.say[row])))
        self._leaving.discard(row)
        self.rooms.leave(row)

    def listener(self, row: int) -> int | None:
        """Return the row that hears this one, and only this one, as things were in the last tick."""
        other = self.rooms.partner(row, self._legs.is_ear)
        if other is None or not self.gains.say_next[row] or not self.gains.hears[other]:
            return None
        return other

    def prepare(self, digits: list[int]) -> None:
        """Settle the gains of this tick; rows in `digits` hear digits instead of their room."""
        self.plan = self.rooms.plan(self._legs.law)
        if not self.rooms.of:
            self.passing[:] = False
            return
        self.gains.settle(self._legs, self._player, self._leaving, digits)
        self._choose()

    def _choose(self) -> None:
        """Find who may be copied to its partner: one codec, nothing played, no gain on its way."""
        plan, law, spoken = self.plan, self._legs.law, self._legs.spoken
        self.passing[:] = False
        rows = plan.paired
        if not len(rows):
            return
        partner = plan.partner[rows]
        gains = self.gains
        said = (gains.say[rows] == 1) & (gains.say_next[rows] == 1)
        said &= (self._legs.want_said[rows] == 0) & (self._legs.want_heard[partner] == 0)
        heard = (gains.hear[partner] == 1) & (gains.hear_next[partner] == 1) & ~self._player.busy[partner]
        self.passing[rows] = said & heard & (spoken[rows] == law[partner]) & (spoken[rows] != L16)
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
        silent = self.gains.scale_said(speakers, said)
        place = np.full(len(self.copied), len(speakers), np.intp)
        place[speakers] = np.where(silent, len(speakers), np.arange(len(speakers)))
        rows, sound = self._add_up(plan, said, place)
        if self._tails:
            rows, sound = self._add_tails(rows, sound)
        is_wide = self._legs.law[rows] >= G722
        if is_wide.any() or plan.wide.any():
            loud = {row: self.gains.scale_said_wide(row, frame) for row, frame in wide.items()}
            heard = self._mix_wide(plan, rows[is_wide], sound[is_wide], loud)
            rows, sound = rows[~is_wide], sound[~is_wide]
        else:
            heard = {}
        mixed = self._heard(rows, sound, heard)
        self._end()
        return mixed

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
        mixed = np.clip(others, LEAST, MOST, out=others).astype(np.int16)
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
            if len(tail) > FRAME:  # those of 16 kHz get it as it is
                which &= self._legs.law[rows] < G722
            sound[which] = np.clip(sound[which] + tail[:: len(tail) // FRAME], LEAST, MOST)
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
        silence = np.zeros(RATE // 50, np.int16)
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
        for number, tail in self._tails:
            if len(tail) > FRAME:
                for row in self.rooms.members.get(number, []):
                    if row in mixed:
                        mixed[row] = clipped(mixed[row] + tail)
        return mixed

    def _heard(
        self, rows: NDArray[np.intp], sound: NDArray[np.int16], wide: dict[int, NDArray[np.int16]]
    ) -> Mixed:
        """Scale what is heard; who hears nothing is left out."""
        hears = self.gains.scale_heard(rows, sound)
        if hears is not None:
            rows, sound = rows[hears], sound[hears]
        scaled = ((row, self.gains.scale_heard_wide(row, frame)) for row, frame in wide.items())
        return Mixed(rows, sound, {row: frame for row, frame in scaled if frame is not None})

    def _end(self) -> None:
        """Keep the gains for the next tick and let go who has faded out."""
        self.gains.end()
        self._tails.clear()
        for row in self._leaving:
            self.rooms.leave(row)
        self._leaving.clear()
