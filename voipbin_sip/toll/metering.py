"""Keeps the toll guard's time: once a second, which is as exact as a minute has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from voipbin_sip.tasks import over
from voipbin_sip.toll.guard import TollGuard

PERIOD = 1.0  # s


def local_day() -> str:
    """Return today's date as this machine's time zone has it."""
    return datetime.now().astimezone().date().isoformat()


class Metering:
    """The task.

    Args:
        clock: monotonic seconds, the same that `TollGuard.begin` is given.
    """

    def __init__(self, guard: TollGuard, clock: Callable[[], float], period: float = PERIOD) -> None:
        self._guard = guard
        self._clock = clock
        self._period = period
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End, and have everything recorded."""
        await over(self._task)
        self._guard.flush(self._clock())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            self._guard.tick(self._clock())
