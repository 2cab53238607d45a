"""What differs between SQLite and PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Table, UpdateBase, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

DATABASE_FILE = "voipbin.db"
CONNECT_SECONDS = 10.0
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # a power cut may lose the last transactions, never the database
    "PRAGMA busy_timeout=2000",  # ms that another writer is waited for, in the driver's thread
    "PRAGMA foreign_keys=ON",
)
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "postgresql": {
        "pool_pre_ping": True,  # it may have been restarted
        "connect_args": {"timeout": CONNECT_SECONDS, "server_settings": {"application_name": "voipbin-sip"}},
    },
}


def database_url(configured: str, data: Path) -> str:
    """Return the URL to use: a file in the data folder, unless another one is configured; with its driver."""
    if configured == "auto":
        return f"sqlite+aiosqlite:///{data / DATABASE_FILE}"
    scheme, colon, rest = configured.partition(":")
    return _DRIVERS.get(scheme, scheme) + colon + rest


class Backend:
    """One kind of database. Raises ArgumentError for a URL of another kind."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._name = url.get_backend_name()
        if self._name not in _OPTIONS:
            raise ArgumentError("it must be SQLite or PostgreSQL")
        # Only the one that is used, they are slow to load:
        self._insert: Any = import_module(f"sqlalchemy.dialects.{self._name}").insert
        self.refusals = _refusals(self._name)  # what a driver raises, past SQLAlchemy, where it is not let in

    def engine(self) -> AsyncEngine:
        """Return an engine that is not connected yet. Raises what SQLAlchemy does, ModuleNotFoundError."""
        engine = create_async_engine(self.url, hide_parameters=True, **_OPTIONS[self._name])
        if self._name == "sqlite":
            event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        return engine

    def make_file(self) -> None:
        """Make the file, where it is one, before SQLite does: readable by us only. Raises OSError."""
        if self._name == "sqlite" and self.url.database not in (None, "", ":memory:"):
            Path(str(self.url.database)).touch(mode=0o600, exist_ok=True)

    def upsert(self, table: Table) -> UpdateBase:
        """Return the statement that inserts rows, or replaces those with their primary keys."""
        statement = self._insert(table)
        kept = {
            column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key
        }
        changed: UpdateBase = statement.on_conflict_do_update(
            index_elements=list(table.primary_key), set_=kept
        )
        return changed


@contextmanager
def silent_pool() -> Iterator[None]:
    """Keep SQLAlchemy's pool from logging a traceback for each connection that it cannot close."""
    pool = logging.getLogger("sqlalchemy.pool")
    level = pool.level
    pool.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        pool.setLevel(level)


def fell_silent(error: Exception) -> bool:
    """Whether an error leaves open if the transaction was carried out."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return isinstance(error, (OSError, TimeoutError))


def _refusals(backend: str) -> tuple[type[Exception], ...]:
    if backend != "postgresql":
        return ()
    import asyncpg

    return (asyncpg.PostgresError, asyncpg.InterfaceError)


def _set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def cause(error: Exception) -> str:
    """Return a database error in one line, without the statement and its values."""
    origin = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    return f"{type(origin).__name__}: {origin}".splitlines()[0]
