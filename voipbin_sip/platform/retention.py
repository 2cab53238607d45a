"""Forgets what is older than `database.keep_days`: events, what happened, and what was deleted.

A little at a time, since the database is written by others meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.sql import and_

from voipbin_sip.events.event import event_id
from voipbin_sip.resources.stamps import stamp_text
from voipbin_sip.store.store import Store, StoreUnavailable
from voipbin_sip.store.tables import deliveries, events, resources


@dataclass(frozen=True, slots=True)
class Sweeps:
    """How it is done; seconds."""

    every: float = 3600.0
    first: float = 60.0  # after the start
    batch: int = 500  # rows in a transaction
    pause: float = 0.2  # between two


class Retention:
    """Removes what is too old, now and then.

    Args:
        configured: kinds of which only deleted ones are removed; of all others also what began too long ago.
        wall: the time, with its zone.
    """

    def __init__(
        self,
        store: Store,
        days: float,
        configured: Collection[str],
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        sweeps: Sweeps | None = None,
    ) -> None:
        self._store = store
        self._age = timedelta(days=days)
        self._configured = frozenset(configured)
        self._wall = wall
        self._sweeps = sweeps or Sweeps()
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("retention")

    def start(self) -> None:
        """Begin, unless everything is kept for ever."""
        if self._age:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> int:
        """Remove all that is too old now; returns how many rows that were. Raises StoreUnavailable."""
        before = self._wall() - self._age
        number, text = event_id(before), stamp_text(before)
        count = await self._remove(events, events.c.id < number)
        count += await self._remove(deliveries, deliveries.c.event_id < number)
        for kind in await self._kinds():
            of_kind = resources.c.kind == kind
            deleted = and_(of_kind, resources.c.tm_delete > "", resources.c.tm_delete < text)
            count += await self._remove(resources, deleted)
            if kind not in self._configured:
                old = and_(of_kind, resources.c.tm_delete == "", resources.c.tm_create < text)
                count += await self._remove(resources, old)
        return count

    async def _run(self) -> None:
        await asyncio.sleep(self._sweeps.first)
        while True:
            try:
                if count := await self.sweep():
                    self._log.info("forgot what is too old", rows=count)
            except StoreUnavailable as error:
                self._log.warning("nothing is forgotten now", why=str(error))
            await asyncio.sleep(self._sweeps.every)

    async def _remove(self, table: Table, too_old: ColumnElement[bool]) -> int:
        key, count = next(iter(table.primary_key)), 0
        query = select(key).where(too_old).order_by(key).limit(self._sweeps.batch)
        while keys := [row[key.name] for row in await self._store.fetch(query)]:
            await self._store.prune(table, and_(key.in_(keys), too_old))
            count += len(keys)
            await asyncio.sleep(self._sweeps.pause)
        return count

    async def _kinds(self) -> list[str]:
        """Return which kinds there are, one step in the index for each."""
        kinds: list[str] = []
        while True:
            query = select(func.min(resources.c.kind).label("kind"))
            if kinds:
                query = query.where(resources.c.kind > kinds[-1])
            found = (await self._store.fetch(query))[0]["kind"]
            if found is None:
                return kinds
            kinds.append(found)
