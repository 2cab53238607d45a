"""A queue of rows to write: nobody waits for the database, and its troubles are nobody else's.

A row that is put or removed again before it was written is made and written once, as it was last: what is registered
anew each minute costs one place in the queue, however long the database is away. Rows that are added together are
written in one transaction; of these a row that changes again moves on to the later one, so that a state is never
in the database before the events that tell of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import structlog
from sqlalchemy import Table
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from voipbin_sip.store.backend import cause

Value: TypeAlias = str | int | float | bool | None
Key: TypeAlias = tuple[object, ...]
Row: TypeAlias = Mapping[str, Value]


class Change(NamedTuple):
    """What becomes of one row.

    `value` is what it says from now on: the row itself or, with `form`, what that makes the row of when it is to be
    written; it does not change any more. None: the row is gone.
    """

    table: Table
    key: Key  # the table's name and the values of the primary key
    value: Any
    form: Callable[[Any], Row] | None = None

    @property
    def row(self) -> Row | None:
        """Return the row, None where it is gone."""
        row: Row | None = self.value if self.form is None or self.value is None else self.form(self.value)
        return row


UNMADE = 1500  # characters that a row is taken for that is not made yet
_ROW_FAULTS = (
    "22",
    "23",
)  # SQLSTATE classes of the SQL standard: data exception, integrity constraint violation


class Grouped(NamedTuple):
    """A change, the number of its group, and how many characters its texts have."""

    group: int
    change: Change
    weight: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How the queue is emptied; seconds."""

    gather: float = 0.25  # what comes within this is one transaction
    batch: int = 2000  # rows in a transaction
    retry: float = 1.0  # after a failure; doubles up to
    retry_most: float = 30.0
    capacity: int = 100_000  # rows; beyond it the oldest are given up
    weight: int = 100_000_000  # characters of texts in them, likewise


class WriteBehind:
    """The queue and the task that empties it."""

    def __init__(self, write: Callable[[list[Change]], Awaitable[None]], pace: Pace | None = None) -> None:
        """`write` writes changes in one transaction, all or none."""
        self._write = write
        self._pace = pace or Pace()
        self._pending: dict[Key, Grouped] = {}  # oldest first
        self._writing: dict[Key, Change] = {}
        self._weight = 0
        self._groups = 0
        self.one_writer = asyncio.Lock()  # held while a batch is written
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("store")
        self._in_trouble = False
        self.lost = 0  # changes given up

    def __len__(self) -> int:
        """Return how many changes the database does not have yet."""
        return len(self._pending) + len(self._writing)

    @property
    def in_trouble(self) -> bool:
        """Whether the last attempt to write has failed."""
        return self._in_trouble

    def add(self, *changes: Change) -> None:
        """Queue changes that belong together; each takes the place of an earlier one of the same row."""
        self._groups += 1
        pace, pending = self._pace, self._pending
        for change in changes:
            if change.key in pending:
                self._drop(change.key)
            self._hold(Grouped(self._groups, change, self._weigh(change)))
        while len(pending) > pace.capacity or (self._weight > pace.weight and len(pending) > 1):
            self._give_up_oldest()
        self._wake.set()

    def forget(self, changes: Iterable[Change]) -> None:
        """Leave out what is queued for these rows: who has `one_writer` has written something newer."""
        for change in changes:
            self._drop(change.key)
            self._writing.pop(change.key, None)

    def unwritten(self, table: Table) -> dict[Key, Change]:
        """Return the changes of a table that the database does not show yet, by primary key."""
        found = {key[1:]: change for key, change in self._writing.items() if change.table is table}
        for key, (_, change, _) in self._pending.items():
            if change.table is table:
                found[key[1:]] = change
        return found

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

    def _hold(self, grouped: Grouped) -> None:
        self._pending[grouped.change.key] = grouped
        self._weight += grouped.weight

    def _weigh(self, change: Change) -> int:
        """Return how many characters a row has: about, unless it may have to wait for long."""
        if change.form is not None and not self._in_trouble:
            return UNMADE
        return _weight(change.row)

    def _drop(self, key: Key) -> Grouped | None:
        grouped = self._pending.pop(key, None)
        if grouped is not None:
            self._weight -= grouped.weight
        return grouped

    @property
    def _oldest(self) -> int:
        """Return the group of the oldest change."""
        return next(iter(self._pending.values())).group

    def _give_up_oldest(self) -> None:
        """Give up the oldest changes that belong together."""
        oldest = self._oldest
        for key in list(islice(self._pending, 100)):
            if self._pending[key].group != oldest:
                return
            self._drop(key)
            if not self.lost:
                self._log.error("the database is away for too long, old changes are given up")
            self.lost += 1

    async def _run(self) -> None:
        delay = self._pace.retry
        while True:
            await self._wake.wait()
            await self._pause(self._pace.gather)
            self._wake.clear()
            last = self._groups  # what comes while these are written is gathered again
            while self._pending and self._oldest <= last:
                batch = self._take()
                self._writing = {change.key: change for _, change, _ in batch}
                done = await self._succeeds(batch)
                if not done:
                    self._put_back(batch)
                self._writing = {}
                if done:
                    delay = self._pace.retry
                    continue
                if self._closing.is_set():
                    return
                await self._pause(delay)
                delay = min(2 * delay, self._pace.retry_most)
            if self._pending:
                self._wake.set()
            elif self._closing.is_set():
                return

    async def _succeeds(self, batch: list[Grouped]) -> bool:
        """Write a batch; rows that the database will never take are dropped. False: try again later."""
        try:
            async with self.one_writer:
                wanted = [change for _, change, _ in batch if change.key in self._writing]
                await self._write(wanted)
        except Exception as error:
            if not _is_about_the_rows(error):
                if not isinstance(error, (SQLAlchemyError, OSError, TimeoutError)):
                    self._log.error("a fault of the server's own, trying again", exc_info=error)
                self._trouble(error)
                return False
            if len(batch) == 1:
                self.lost += 1
                self._log.error("a row cannot be written", table=batch[0].change.table.name, why=cause(error))
                return True
            for index, grouped in enumerate(batch):
                if not await self._succeeds([grouped]):
                    self._put_back(batch[index + 1 :])
                    return False
            return True
        self._trouble(None)
        return True

    def _trouble(self, error: Exception | None) -> None:
        """Log the begin and the end of an outage, not each attempt."""
        if error is not None and not self._in_trouble:
            self._log.error("cannot write to the database, trying again", why=cause(error))
        elif error is None and self._in_trouble:
            self._log.info("the database can be written again", waiting=len(self._pending), lost=self.lost)
        self._in_trouble = error is not None

    def _take(self) -> list[Grouped]:
        """Take the oldest changes: a batch full, and what else belongs to the last one's group."""
        keys: list[Key] = []
        last = 0
        for key, (group, _, _) in self._pending.items():
            if len(keys) >= self._pace.batch and group != last:
                break
            keys.append(key)
            last = group
        return [grouped for key in keys if (grouped := self._drop(key)) is not None]

    def _put_back(self, batch: list[Grouped]) -> None:
        """Queue changes again before all others, but not where the row has changed since."""
        newer = self._pending
        self._pending, self._weight = {}, 0
        for grouped in batch:
            key = grouped.change.key
            if key not in newer and key in self._writing:
                self._hold(grouped)
        for grouped in newer.values():
            self._hold(grouped)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not while closing."""
        if not self._closing.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
            except TimeoutError:
                pass


def _weight(row: Row | None) -> int:
    return sum([len(value) for value in row.values() if isinstance(value, str)]) if row else 0


def _is_about_the_rows(error: Exception) -> bool:
    """Whether the database will never take what it was given, however often it is tried."""
    if isinstance(error, (IntegrityError, DataError, ValueError, TypeError, OverflowError)):
        return True
    if isinstance(error, DBAPIError):  # drivers that have no class for it: asyncpg
        refused = isinstance(error.orig and error.orig.__cause__, (ValueError, TypeError, OverflowError))
        return refused or str(getattr(error.orig, "sqlstate", "") or "")[:2] in _ROW_FAULTS
    return isinstance(error, StatementError)
