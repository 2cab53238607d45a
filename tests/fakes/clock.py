"""A clock that jumps: time passes only when every task waits, then straight to the next moment of interest."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

IDLE_ROUNDS = 20  # rounds of the event loop after which everything that could run has run


class VirtualClock:
    """Implements `flows.ports.Clock`."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def utc(self) -> datetime:
        return self._start + timedelta(seconds=self._now)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), future))
        await future

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the work to its end, letting time pass as fast as it asks for it."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(IDLE_ROUNDS):
                await asyncio.sleep(0)
                if task.done():
                    return task.result()
            if not self._advance():
                task.cancel()
                await asyncio.wait((task,))
                raise AssertionError(f"nothing will ever happen again at {self._now} s")
        return task.result()

    def _advance(self) -> bool:
        while self._sleepers:
            when, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self._now = max(self._now, when)
                future.set_result(None)
                return True
        return False
