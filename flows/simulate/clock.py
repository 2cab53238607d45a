"""A clock that jumps: its time stands still until somebody lets it go on, straight to the next moment of interest."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import datetime, timedelta

IDLE_ROUNDS = 20  # of the event loop, after which everything that could run has run


class VirtualClock:
    """Implements `flows.ports.Clock`; `start` is the wall clock at 0 s, aware, UTC."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return self._now

    def utc(self) -> datetime:
        """Return the wall clock, UTC."""
        return self._start + timedelta(seconds=self._now)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was let on that far."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(seconds, 0.0), next(self._order), future))
        await future

    async def settle(self) -> None:
        """Let everything run that needs no time."""
        for _ in range(IDLE_ROUNDS):
            await asyncio.sleep(0)

    def next_moment(self) -> float | None:
        """Return when something happens next, None if nothing ever will."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, until: float | None = None) -> bool:
        """Go on to the next moment, not beyond `until`; False where nothing happens up to then."""
        moment = self.next_moment()
        if moment is None or (until is not None and moment > until):
            if until is not None:
                self._now = max(self._now, until)
            return False
        self._now = max(self._now, moment)
        heapq.heappop(self._sleepers)[2].set_result(None)
        return True
