"""A clock that jumps: time passes only when every task waits, then straight to the next moment of interest."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from flows.simulate import clock as simulated
from flows.simulate.clock import IDLE_ROUNDS

T = TypeVar("T")


class VirtualClock(simulated.VirtualClock):
    """The simulator's clock, which here goes on by itself."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)) -> None:
        super().__init__(start)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the work to its end, letting time pass as fast as it asks for it."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(IDLE_ROUNDS):
                await asyncio.sleep(0)
                if task.done():
                    return task.result()
            if not self.advance():
                task.cancel()
                await asyncio.wait((task,))
                raise AssertionError(f"nothing will ever happen again at {self.now()} s")
        return task.result()
