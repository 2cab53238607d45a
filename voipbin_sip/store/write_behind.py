"""A queue of rows to write: nobody waits for the database, and its troubles are nobody else's.

A row that is put or removed again before it was written is written once, as it was last: what is registered anew
each minute costs one place in the queue, however long the database is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from sqlalchemy import Table
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one row: `row` is what it says from now on, None: it is gone."""

    table: Table
    key: Row  # the values of the primary key
    row: Row | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How the queue is emptied; seconds."""

    gather: float = 0.25  # what comes within this is one transaction
    batch: int = 500  # rows in a transaction
    retry: float = 1.0  # after a failure; doubles up to
    retry_most: float = 30.0
    capacity: int = 100_000  # rows; beyond it the oldest is given up


class WriteBehind:
    """The queue and the task that empties it."""

    def __init__(self, write: Callable[[list[Change]], Awaitable[None]], pace: Pace | None = None) -> None:
        """`write` writes changes in one transaction, all or none."""
        self._write = write
        self._pace = pace or Pace()
        self._pending: dict[tuple[object, ...], Change] = {}  # oldest first
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("store")
        self._in_trouble = False
        self.lost = 0  # changes given up

    def __len__(self) -> int:
        """Return how many changes wait."""
        return len(self._pending)

    def add(self, change: Change) -> None:
        """Queue a change; takes the place of an earlier one of the same row."""
        key = _identity(change)
        self._pending.pop(key, None)
        self._pending[key] = change
        if len(self._pending) > self._pace.capacity:
            del self._pending[next(iter(self._pending))]
            self.lost += 1
        self._wake.set()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self, seconds: float) -> None:
        """Write what waits, but try no longer than `seconds`."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=seconds)
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=seconds)
        if self._pending:
            self._log.error("rows were not written to the database", rows=len(self._pending))

    async def _run(self) -> None:
        delay = self._pace.retry
        while True:
            await self._wake.wait()
            await self._pause(self._pace.gather)
            while self._pending:
                batch = self._take()
                if await self._succeeds(batch):
                    delay = self._pace.retry
                    continue
                self._put_back(batch)
                if self._closing.is_set():
                    return
                await self._pause(delay)
                delay = min(2 * delay, self._pace.retry_most)
            self._wake.clear()
            if self._closing.is_set():
                return

    async def _succeeds(self, batch: list[Change]) -> bool:
        """Write a batch; rows that the database will never take are dropped. False: try again later."""
        try:
            await self._write(batch)
        except Exception as error:
            if not _is_about_the_rows(error):
                if not isinstance(error, (SQLAlchemyError, OSError, TimeoutError)):
                    raise
                self._trouble(error)
                return False
            if len(batch) == 1:
                self.lost += 1
                self._log.error("a row cannot be written", table=batch[0].table.name, why=_cause(error))
                return True
            for index, change in enumerate(batch):
                if not await self._succeeds([change]):
                    self._put_back(batch[index + 1 :])
                    return False
            return True
        self._trouble(None)
        return True

    def _trouble(self, error: Exception | None) -> None:
        """Log the begin and the end of an outage, not each attempt."""
        if error is not None and not self._in_trouble:
            self._log.error("cannot write to the database, trying again", why=_cause(error))
        elif error is None and self._in_trouble:
            self._log.info("the database can be written again", waiting=len(self._pending), lost=self.lost)
        self._in_trouble = error is not None

    def _take(self) -> list[Change]:
        keys = list(self._pending)[: self._pace.batch]
        return [self._pending.pop(key) for key in keys]

    def _put_back(self, batch: list[Change]) -> None:
        """Queue changes again before all others, but not where the row has changed since."""
        self._pending = {_identity(change): change for change in batch} | self._pending

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not while closing."""
        if not self._closing.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
            except TimeoutError:
                pass


def _identity(change: Change) -> tuple[object, ...]:
    return (change.table.name, *change.key.values())


def _is_about_the_rows(error: Exception) -> bool:
    if isinstance(error, (IntegrityError, DataError, ValueError, TypeError, OverflowError)):
        return True
    return isinstance(error, StatementError) and not isinstance(error, DBAPIError)


def _cause(error: Exception) -> str:
    """Return a database error in one line, without the statement and its values."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    return f"{type(cause).__name__}: {cause}".splitlines()[0]
