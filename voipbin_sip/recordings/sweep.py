"""Removes recordings that are too old, and the oldest where all together are too large.

The bounds are `recordings.keep_days` and `recordings.max_gb` of the configuration.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from voipbin_sip.recordings.folder import Kept, RecordingFolder

DAY = 86_400.0
EVERY = 600.0  # seconds
FIRST = 30.0  # after the start


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept; 0 = all."""

    days: float = 0.0
    octets: int = 0


def too_many(kept: list[Kept], bounds: Bounds, now: float) -> list[Kept]:
    """Return those of the kept recordings, the oldest first, that must go."""
    total = sum(item.size for item in kept)
    going = []
    for item in kept:
        old = bounds.days and item.changed < now - bounds.days * DAY
        if not old and not (bounds.octets and total > bounds.octets):
            break
        going.append(item)
        total -= item.size
    return going


class Sweep:
    """Looks now and then. `remove` deletes a recording and tells of it; it returns False where that must wait."""

    def __init__(
        self, folder: RecordingFolder, bounds: Bounds, remove: Callable[[UUID], Awaitable[bool]]
    ) -> None:
        self._folder = folder
        self._bounds = bounds
        self._remove = remove
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("recording")

    def start(self) -> None:
        """Begin, if there is a bound."""
        if self._bounds.days or self._bounds.octets:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> int:
        """Remove what must go; return how many recordings that were."""
        kept = await asyncio.to_thread(self._folder.all)
        removed = 0
        for item in too_many(kept, self._bounds, time.time()):
            try:
                id_ = UUID(item.path.stem)
            except ValueError:
                continue  # not ours
            if await self._remove(id_):
                await asyncio.to_thread(item.path.unlink, True)
                removed += 1
        if removed:
            self._log.info("old recordings removed", count=removed)
        return removed

    async def _watch(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            try:
                await self.sweep()
            except OSError as error:
                self._log.error("old recordings stay", why=str(error))
            await asyncio.sleep(EVERY)
