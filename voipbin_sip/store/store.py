"""The database behind everything that outlives the process: one engine, one queue of writes.

SQLite in WAL mode by default: readers and the writer do not wait for each other, and a backup may run beside.
PostgreSQL by its URL. The server runs on when the database does not: what is written behind waits for it, what is to
be written now is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from sqlalchemy import ColumnElement, RowMapping, Select, Table, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from voipbin_sip.store.backend import Backend, cause, database_url, fell_silent, silent_pool
from voipbin_sip.store.migrate import MigrationError, current, newest, upgrade
from voipbin_sip.store.operations import Operations
from voipbin_sip.store.statements import Statement, Statements, key_columns
from voipbin_sip.store.write_behind import Change, Key, Pace, Row, WriteBehind

__all__ = ["OutcomeUnknown", "Store", "StoreError", "StoreUnavailable", "database_url", "put", "remove"]

READ_SECONDS = 10.0
TOGETHER = 50  # rows that are made before others have their turn
WRITE_SECONDS = 30.0  # then a connection to a server that says nothing is given up
CLOSE_SECONDS = 3.0


class StoreError(Exception):
    """The database cannot be used as configured; the message says why."""


class StoreUnavailable(Exception):  # noqa: N818 - reads as what happened
    """The database cannot be reached now; what was asked was not done."""


class OutcomeUnknown(StoreUnavailable):
    """The database fell silent in the middle; what was asked may have been done or not."""


class Store:
    """Tables by SQLAlchemy Core. `put` and `remove` return at once and are carried out in order, soon."""

    def __init__(self, url: str, pace: Pace | None = None) -> None:
        """Prepare an engine, without connecting.

        Raises:
            StoreError: the URL is none, or its driver is not installed.
        """
        try:
            self._backend = Backend(make_url(url))
            self._engine = self._backend.engine()
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, SQLAlchemyError) as error:
            raise StoreError(f"the database cannot be used: {error}") from error
        self._statements = Statements(self._backend, self._engine.dialect)
        self._queue = WriteBehind(self._write_behind, pace)
        self._operations = Operations()
        self._ready = False
        self._was_ready = False  # once since the start
        self._preparing = asyncio.Lock()
        self._log = structlog.get_logger("store")

    @property
    def waiting(self) -> int:
        """How many rows are yet to be written."""
        return len(self._queue)

    @property
    def lost(self) -> int:
        """How many rows were given up."""
        return self._queue.lost

    @property
    def in_trouble(self) -> bool:
        """Whether the last attempt to write has failed, or it could not be opened yet."""
        return self._queue.in_trouble or not self._was_ready

    async def open(self) -> bool:
        """Bring the schema up to date and begin to write; False where the database is in trouble.

        It is tried again with each write and read then.
        """
        try:
            await self._operations.run(self._be_ready(), READ_SECONDS)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            shown = self._backend.url.render_as_string(hide_password=True)
            self._log.error("the database cannot be opened, going on without", url=shown, why=cause(error))
        self._queue.start()
        return self._ready

    def put(self, table: Table, row: Row) -> None:
        """Insert a row, or replace the one with its primary key."""
        self._queue.add(put(table, row))

    def remove(self, table: Table, key: Row) -> None:
        """Delete the row with this primary key."""
        self._queue.add(remove(table, key))

    def write(self, changes: Sequence[Change]) -> None:
        """Carry out changes in one transaction, soon."""
        self._queue.add(*changes)

    async def commit(self, changes: Sequence[Change]) -> None:
        """Carry out changes in one transaction, now.

        Raises StoreUnavailable, and nothing is changed then; OutcomeUnknown, and `write` should undo them.
        """
        began = False

        async def work() -> None:
            nonlocal began
            async with self._queue.one_writer:
                began = True
                await self._write(list(changes))
                self._queue.forget(changes)

        try:
            await self._operations.run(work(), READ_SECONDS)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if began and fell_silent(error):
                raise OutcomeUnknown(f"the database fell silent: {cause(error)}") from error
            raise StoreUnavailable(f"the database cannot be written: {cause(error)}") from error

    async def prune(self, table: Table, gone: ColumnElement[bool]) -> None:
        """Delete the rows for which a condition holds, now. Raises StoreUnavailable."""

        async def work() -> None:
            async with self._queue.one_writer, self._connection() as connection, connection.begin():
                await connection.execute(table.delete().where(gone))

        try:
            await self._operations.run(work(), WRITE_SECONDS)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"the database cannot be written: {cause(error)}") from error

    def unwritten(self, table: Table) -> dict[Key, Change]:
        """Return what `put`, `remove` and `write` have not brought to the database yet, by primary key."""
        return self._queue.unwritten(table)

    async def fetch(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Return rows. Raises StoreUnavailable where the database is in trouble."""

        async def work() -> Sequence[RowMapping]:
            async with self._connection() as connection:
                rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
                return rows

        try:
            return await self._operations.run(work(), READ_SECONDS)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"the database cannot be read: {cause(error)}") from error

    async def read(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Return rows; none, and a line in the log, where the database is in trouble."""
        try:
            return await self.fetch(query)
        except StoreUnavailable as error:
            self._log.error("the database cannot be read", why=str(error))
            return ()

    async def close(self, seconds: float = 5.0) -> None:
        """Write what waits, for `seconds` at most, and close; a database that says nothing is left to itself."""
        await self._queue.close(seconds)
        ended = await self._operations.close(CLOSE_SECONDS)
        try:
            with silent_pool():
                await self._operations.run(self._engine.dispose(), CLOSE_SECONDS)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            ended = False
            self._log.error("the connections to the database cannot be closed, leaving them", why=str(error))
        else:
            if not ended:
                self._log.error("the database did not end what it had in hand, leaving it")

    async def _be_ready(self) -> None:
        """Have the newest schema. Raises SQLAlchemyError, OSError."""
        async with self._preparing:
            if self._ready:
                return
            try:
                await self._prepare()
            except MigrationError as error:
                raise OSError(str(error)) from error
            self._ready = self._was_ready = True

    async def _prepare(self) -> None:
        await asyncio.to_thread(self._backend.make_file)
        try:
            if await current(self._engine) != newest():
                await upgrade(self._engine)
        except self._backend.refusals as error:
            raise ConnectionError(f"{error}") from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """Take a connection from the pool. Raises SQLAlchemyError, OSError."""
        if not self._ready:
            await self._be_ready()
        connection = self._engine.connect()
        try:
            await connection.start()
        except self._backend.refusals as error:
            raise ConnectionError(f"{error}") from error
        try:
            yield connection
        finally:
            await asyncio.shield(connection.close())

    async def _write_behind(self, changes: list[Change]) -> None:
        await self._operations.run(self._write(changes), WRITE_SECONDS)

    async def _write(self, changes: list[Change]) -> None:
        """Carry out changes in one transaction. Done twice, it is as if done once."""
        batches: dict[Statement, list[Sequence[Any]]] = {}
        for number, change in enumerate(changes):
            row = change.row
            if row is None:
                batches.setdefault(self._statements.remove(change.table), []).append(change.key[1:])
            else:
                put = self._statements.put(change.table)
                batches.setdefault(put, []).append(put.values(row))
            if number % TOGETHER == TOGETHER - 1:
                await asyncio.sleep(0)
        try:
            async with self._connection() as connection, connection.begin():
                for statement, values in batches.items():
                    await connection.exec_driver_sql(statement.text, values)
        except (SQLAlchemyError, OSError, asyncio.CancelledError):
            self._ready = False  # it may come back as an empty one
            raise


def put(table: Table, row: Row) -> Change:
    """Return the change that inserts a row, or replaces the one with its primary key."""
    return Change(table, _key(table, row), row)


def remove(table: Table, key: Row) -> Change:
    """Return the change that deletes the row with this primary key."""
    return Change(table, _key(table, key), None)


def _key(table: Table, row: Row) -> Key:
    return (table.name, *map(row.__getitem__, key_columns(table)))
