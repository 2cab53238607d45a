"""One heap of timers for the whole core, with lazy deletion; the caller brings the time.

Nothing here reads a clock: `start` takes an absolute time, `run` calls what has become due. A cancelled timer
stays in the heap as an empty shell until it surfaces or until shells outnumber live timers.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TypeAlias

Fire: TypeAlias = Callable[[float], None]

_COMPACT_ABOVE = 256  # shells; below that rebuilding the heap costs more than it frees


class Timer:
    """A running timer. `fire` is None once it has fired or was cancelled."""

    __slots__ = ("fire", "order", "when")

    def __init__(self, when: float, order: int, fire: Fire) -> None:
        self.when = when
        self.order = order
        self.fire: Fire | None = fire

    def __lt__(self, other: Timer) -> bool:
        if self.when != other.when:
            return self.when < other.when
        return self.order < other.order  # equal times fire in the order in which they were started


class Timers:
    """All timers of a core."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._shells = 0
        self._order = 0

    def __len__(self) -> int:
        """Return how many timers run."""
        return len(self._heap) - self._shells

    def start(self, when: float, fire: Fire) -> Timer:
        """Call `fire(now)` at the first `run` with now >= `when` (seconds, the caller's clock)."""
        self._order += 1
        timer = Timer(when, self._order, fire)
        heapq.heappush(self._heap, timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Stop a timer; one that has fired or was cancelled already, or None, is left alone."""
        if timer is None or timer.fire is None:
            return
        timer.fire = None
        self._shells += 1
        if self._shells > _COMPACT_ABOVE and self._shells * 2 > len(self._heap):
            self._heap = [live for live in self._heap if live.fire is not None]
            heapq.heapify(self._heap)
            self._shells = 0
        else:
            self._drop_surfaced()

    def deadline(self) -> float | None:
        """Return when the next timer is due; None if none runs."""
        return self._heap[0].when if self._heap else None

    def run(self, now: float) -> None:
        """Fire all timers that are due, in order of their times; also those that firing starts."""
        while self._heap and self._heap[0].when <= now:
            timer = heapq.heappop(self._heap)
            fire, timer.fire = timer.fire, None
            self._drop_surfaced()
            if fire is not None:
                fire(now)

    def _drop_surfaced(self) -> None:
        """Keep the top of the heap alive, so that reading the deadline is one look."""
        heap = self._heap
        while heap and heap[0].fire is None:
            heapq.heappop(heap)
            self._shells -= 1
