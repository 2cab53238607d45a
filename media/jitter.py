"""The jitter buffer of all legs: a ring of 10 ms slots per leg, addressed by timestamp (RFC 3550 section 5.1).

A packet of k x 10 ms fills k slots; each slot is tagged with the quantum it holds, so that a lost quantum is one
whose tag is not the wanted one, a duplicate is harmless and the order of arrival does not matter. Quanta are counted
per leg from its first packet, in int64, through timestamp wraps, jumps and SSRC changes: a new timeline is joined to
the end of the old one.

The play pointer moves two quanta a tick. It waits when nothing is buffered, and it is moved by one quantum, heard
as a splice, when the delay is longer than the target for a whole window (the peer's clock is fast, or the network
has calmed down) or when packets begin to come too late.

The engine calls `insert` for every round of packets (each row at most once in a round), then `advance` once a tick,
then `read` for the rows whose sound someone needs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.rows import grown
from media.rtp import QUANTUM

SLOTS = 32  # quanta in a leg's ring, a power of two
TARGET = 4  # quanta of delay to begin with
CEILING = 24  # quanta of delay at which the surplus is thrown away
DRY_TICKS = 3  # ticks without sound after which the next packet starts a new talkspurt
LATE_RUN = 2  # late packets in a row, new by their sequence numbers, that mean a new timeline
WINDOW = 50  # ticks over which the least delay is watched
_MASK = SLOTS - 1
_NEVER = -(1 << 60)
_NO_LOW = 1 << 20


class Step(NamedTuple):
    """What a tick plays of k legs."""

    start: NDArray[np.int64]  # first quantum
    quanta: NDArray[np.int64]  # consumed: 2, fewer while nothing is buffered, 1 or 3 for a splice
    spliced: NDArray[np.bool_]  # count is 1 or 3 because of a correction


class JitterBuffer:
    """Rows of slots, tags and pointers; one row per leg."""

    def __init__(self, capacity: int) -> None:
        self.data = np.zeros((0, QUANTUM), np.uint8)
        self.tags = np.zeros(0, np.int64)
        self.started = np.zeros(0, np.bool_)
        self.timestamp = np.zeros(0, np.int64)  # newest, extended beyond 32 bits
        self.origin = np.zeros(0, np.int64)  # extended timestamp of quantum 0
        self.newest = np.zeros(0, np.int64)  # quantum
        self.play = np.zeros(0, np.int64)  # next quantum to play
        self.dry = np.zeros(0, np.int32)  # ticks without anything buffered
        self.late = np.zeros(0, np.int64)  # packets that came too late, for statistics
        self.late_run = np.zeros(0, np.int32)
        self.anchored = np.zeros(0, np.bool_)  # the pointer was set in this tick
        self.low = np.zeros(0, np.int32)  # least delay in this window, quanta
        self.correction = np.zeros(0, np.int8)  # +1: hold a quantum, -1: drop one, at the next quiet spot
        self.waited = np.zeros(0, np.int32)  # ticks that the correction has waited
        self.kinds = np.zeros(0, np.uint8)  # payload types of the slots, for the rows in `mixed`
        self.mixed: dict[int, int] = {}  # rows that hold several payload types, and until which quantum
        self._ticks = 0
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        old = len(self.play)
        self.data = grown(self.data, capacity * SLOTS)
        self.tags = grown(self.tags, capacity * SLOTS)
        self.kinds = grown(self.kinds, capacity * SLOTS)
        for name in ("started", "timestamp", "origin", "newest", "play", "dry", "late", "late_run"):
            setattr(self, name, grown(getattr(self, name), capacity))
        for name in ("anchored", "low", "correction", "waited"):
            setattr(self, name, grown(getattr(self, name), capacity))
        self._clear(old, capacity)

    def reset(self, row: int) -> None:
        """Make the row that of a new leg."""
        self._clear(row, row + 1)
        self.mixed.pop(row, None)

    def _clear(self, first: int, end: int) -> None:
        """Make the rows from `first` to before `end` those of new legs."""
        rows = slice(first, end)
        self.tags[first * SLOTS : end * SLOTS] = _NEVER
        self.started[rows] = self.anchored[rows] = False
        self.timestamp[rows] = self.origin[rows] = self.play[rows] = 0
        self.newest[rows] = -1
        self.dry[rows] = self.late[rows] = self.late_run[rows] = self.correction[rows] = self.waited[rows] = 0
        self.low[rows] = _NO_LOW

    def flush(self, row: int) -> None:
        """Forget the sound of a row, not its statistics."""
        late = self.late[row]
        self.reset(row)
        self.late[row] = late

    def new_timeline(self, rows: NDArray[np.intp]) -> None:
        """Take the next packet of these rows as the continuation of what is buffered (new SSRC)."""
        self.late_run[rows] = LATE_RUN

    def mix(self, row: int, kind: int) -> None:
        """Keep apart by payload type what a row holds, all of it `kind` so far, and what comes."""
        if row not in self.mixed:
            self.kinds[row * SLOTS : (row + 1) * SLOTS] = kind
        self.mixed[row] = int(self.newest[row]) + SLOTS

    def unmixed(self) -> list[int]:
        """Return the rows of `mixed` that hold the newest payload type alone by now, and forget them there."""
        rows = [row for row, until in self.mixed.items() if self.play[row] > until]
        for row in rows:
            del self.mixed[row]
        return rows

    def insert(
        self,
        rows: NDArray[np.intp],
        timestamps: NDArray[np.uint32],
        payload: NDArray[np.uint8],
        quanta: NDArray[np.int64],
        newer: NDArray[np.bool_],
        kinds: NDArray[np.uint8] | None = None,
    ) -> None:
        """Store one packet for each of k different rows.

        `timestamps` are those of the headers, `payload` uint8[k, n] begins with `quanta` x 80 octets of sound.
        `newer` says whose sequence number is the highest yet: a packet that is late and not newer was overtaken,
        one that is late and newer comes from a sender whose timestamps have jumped back.
        `kinds` are the payload types, needed while there is any row in `mixed`.
        """
        known = self.timestamp[rows]
        extended = known + (timestamps - known.astype(np.uint32)).astype(np.int32)
        first = self._place(rows, extended, quanta, newer)
        play = self.play[rows]
        gone = first + quanta <= play
        self.timestamp[rows] = np.where(
            gone, self.timestamp[rows], np.maximum(extended, self.timestamp[rows])
        )
        self.newest[rows] = np.maximum(self.newest[rows], first + quanta - 1)
        for count in np.unique(quanta):
            which = np.flatnonzero(quanta == count) if len(rows) > 1 else np.zeros(1, np.intp)
            self._store(rows[which], first[which], play[which], payload, which, int(count), kinds)

    def _store(
        self,
        rows: NDArray[np.intp],
        first: NDArray[np.int64],
        play: NDArray[np.int64],
        payload: NDArray[np.uint8],
        which: NDArray[np.intp],
        count: int,
        kinds: NDArray[np.uint8] | None,
    ) -> None:
        """Copy packets of `count` quanta into their slots, without the quanta that are already past."""
        wanted = first[:, None] + np.arange(count)
        slot = rows[:, None] * SLOTS + (wanted & _MASK)
        sound = payload[which, : count * QUANTUM].reshape(len(which), count, QUANTUM)
        if kinds is not None:
            kinds = np.broadcast_to(kinds[which, None], slot.shape)
        useful = wanted >= play[:, None]
        if not useful.all():
            slot, wanted, sound = slot[useful], wanted[useful], sound[useful]
            kinds = kinds if kinds is None else kinds[useful]
        self.tags[slot] = wanted
        self.data[slot] = sound
        if kinds is not None:
            self.kinds[slot] = kinds

    def _place(
        self,
        rows: NDArray[np.intp],
        extended: NDArray[np.int64],
        quanta: NDArray[np.int64],
        newer: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Return the first quantum of each packet; starts, resumes and joins timelines on the way."""
        offset = extended - self.origin[rows]
        slip = offset % QUANTUM
        if slip.any():
            # The sender's timestamps have another phase now: move the grid to it, by less than half a quantum.
            shift = np.where(slip < QUANTUM // 2, slip, slip - QUANTUM)
            self.origin[rows] += shift
            offset -= shift
        first = offset // QUANTUM
        play = self.play[rows]
        started = self.started[rows]
        dry = self.dry[rows]
        paused = dry > DRY_TICKS
        gone = first + quanta <= play
        self._count_late(rows, first + quanta - 1, play, gone & started, newer)
        joined = started & ((self.late_run[rows] >= LATE_RUN) | (~paused & (first + quanta > play + SLOTS)))
        fresh = ~started | joined
        if fresh.any():
            who = rows[fresh]
            first[fresh] = np.where(
                paused[fresh] & started[fresh], play[fresh] + TARGET, self.newest[who] + 1
            )
            self.origin[who] = extended[fresh] - first[fresh] * QUANTUM
            self.timestamp[who] = extended[fresh]
            self.late_run[who] = 0
            self.started[who] = True
        # After an underrun what lies between pointer and packet is lost, not late: waiting for it adds delay.
        anchor = ~started | ((dry > 0) & (first + quanta > play)) | self.anchored[rows]
        if anchor.any():
            who = rows[anchor]
            self.play[who] = np.where(
                started[anchor], np.maximum(self.play[who], first[anchor] - TARGET), first[anchor] - TARGET
            )
            self.anchored[who] |= ~started[anchor] | paused[anchor]
            self.dry[who] = 0
            self.correction[who] = self.waited[who] = 0
            self.low[who] = _NO_LOW
        return first

    def _count_late(
        self,
        rows: NDArray[np.intp],
        last: NDArray[np.int64],
        play: NDArray[np.int64],
        gone: NDArray[np.bool_],
        newer: NDArray[np.bool_],
    ) -> None:
        """Count packets that are wholly past, unless they repeat one that came in time."""
        if not gone.any():
            self.late_run[rows] = np.where(self.late_run[rows] < LATE_RUN, 0, self.late_run[rows])
            return
        duplicate = self.tags[rows * SLOTS + (last & _MASK)] == last
        late = gone & ~duplicate
        self.late[rows] += late
        run = self.late_run[rows]
        pending = run >= LATE_RUN
        self.late_run[rows] = np.where(late & newer, run + 1, np.where(gone | pending, run, 0))
        self.correction[rows[late & ~newer & (play - last <= CEILING)]] = (
            1  # no bearable delay would save others
        )

    def advance(self, rows: NDArray[np.intp], quiet: NDArray[np.bool_]) -> Step:
        """Move the play pointers of k rows by one tick.

        `quiet` (of all rows) says where a splice would not be heard; elsewhere it waits for up to half a second.
        """
        play = self.play[rows]
        lead = self.newest[rows] + 1 - play
        surplus = lead > CEILING
        if surplus.any():
            play = np.where(surplus, play + lead - TARGET - 2, play)
            lead = self.newest[rows] + 1 - play
        count = np.clip(lead, 0, 2)
        correction = self.correction[rows]
        spliced = correction != 0
        if spliced.any():
            self.waited[rows] = np.where(spliced, self.waited[rows] + 1, 0)
            spliced &= quiet[rows] | (self.waited[rows] > WINDOW // 2)
            spliced &= np.where(correction > 0, (lead >= 1) & (lead < CEILING - 4), lead > 3)
            count = np.where(spliced, 2 - correction, count)
            done = rows[spliced]
            self.correction[done] = 0
            self.waited[done] = 0
        dry = lead <= 0
        self.dry[rows] = np.where(dry, np.minimum(self.dry[rows] + 1, 1 << 20), 0)
        self.low[rows] = np.where(dry, self.low[rows], np.minimum(self.low[rows], lead - count))
        self.play[rows] = play + count
        self.anchored[rows] = False
        self._ticks += 1
        if self._ticks % WINDOW == 0:
            self._judge(rows)
        return Step(play, count, spliced)

    def _judge(self, rows: NDArray[np.intp]) -> None:
        """Ask for a correction where a window's least delay was too long or too short."""
        low = self.low[rows]
        seen = low != _NO_LOW
        wish = np.where(seen & (low > TARGET), -1, np.where(seen & (low < 1), 1, 0)).astype(np.int8)
        self.correction[rows] = np.where(self.correction[rows] == 0, wish, self.correction[rows])
        self.low[rows] = _NO_LOW

    def skip(self, rows: NDArray[np.intp], ticks: int) -> None:
        """Let `ticks` ticks pass unplayed: the engine was late."""
        lead = self.newest[rows] + 1 - self.play[rows]
        self.play[rows] += np.clip(lead, 0, 2 * ticks)

    def read(
        self, rows: NDArray[np.intp], start: NDArray[np.int64], count: int = 2
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return uint8[k, count, 80] and bool[k, count]: which quanta are there."""
        wanted = start[:, None] + np.arange(count)
        slot = rows[:, None] * SLOTS + (wanted & _MASK)
        return self.data[slot], self.tags[slot] == wanted

    def kinds_of(self, row: int, start: int, count: int) -> list[int]:
        """Return the payload types of `count` quanta of a row in `mixed`; those that are not there have any."""
        kinds: list[int] = self.kinds[row * SLOTS + (start + np.arange(count) & _MASK)].tolist()
        return kinds
