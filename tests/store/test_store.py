"""The store on a real SQLite file: rows, a locked, missing, broken or newer database."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.databases import Postgres
from tests.store.waiting import until
from voipbin_sip.store.store import Store, StoreError, StoreUnavailable, database_url
from voipbin_sip.store.tables import bindings
from voipbin_sip.store.write_behind import Pace, Value

FAST = Pace(gather=0.001, retry=0.01, retry_most=0.02)


def row(extension: str = "1000", uri: str = "sip:a@a", cseq: int = 1) -> dict[str, Value]:
    values: dict[str, Value] = {column.name: "" for column in bindings.columns}
    for name in ("local_port", "remote_port", "source_port"):
        values[name] = 5060
    values |= {"expires_at": 1.0, "updated_at": 1.0, "q": 1.0}
    return values | {"extension": extension, "uri": uri, "cseq": cseq}


def seen(path: Path) -> list[tuple[str, str, int]]:
    """What another program finds in the file."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return sorted(connection.execute("SELECT extension, uri, cseq FROM bindings"))


async def open_store(path: Path) -> Store:
    store = Store(database_url(f"sqlite+aiosqlite:///{path}", Path()), FAST)
    assert await store.open()
    return store


async def opened(database: str) -> Store:
    store = Store(database, FAST)
    assert await store.open()
    return store


async def found(database: str) -> list[tuple[str, str, int]]:
    """What another one finds in the database."""
    store = await opened(database)
    rows = await store.fetch(select(bindings))
    await store.close()
    return sorted((row["extension"], row["uri"], row["cseq"]) for row in rows)


async def test_rows_are_written_replaced_and_removed(database: str) -> None:
    store = await opened(database)
    for uri in ("sip:a@a", "sip:b@a", "sip:c@a"):
        store.put(bindings, row(uri=uri))
    store.put(bindings, row(uri="sip:b@a", cseq=2))
    store.remove(bindings, {"extension": "1000", "uri": "sip:a@a"})
    await until(lambda: not store.waiting)
    assert await found(database) == [("1000", "sip:b@a", 2), ("1000", "sip:c@a", 1)]
    store.put(bindings, row(uri="sip:b@a", cseq=3))
    store.remove(bindings, {"extension": "1000", "uri": "sip:c@a"})
    await store.close()
    assert await found(database) == [("1000", "sip:b@a", 3)]


async def test_what_was_written_is_read_after_a_restart(database: str) -> None:
    store = await opened(database)
    store.put(bindings, row())
    await store.close()
    again = await opened(database)
    rows = await again.read(select(bindings))
    await again.close()
    assert [dict(found) for found in rows] == [row()]


async def test_the_file_is_for_us_only_and_in_wal_mode(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    await store.close()
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_locked_database_is_waited_for_and_nothing_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    store.put(bindings, row())
    began = loop.time()
    longest = 0.0
    while loop.time() - began < 0.3:
        before = loop.time()
        await asyncio.sleep(0.001)
        longest = max(longest, loop.time() - before)
    assert seen(path) == []
    assert longest < 1.0  # the driver waits in a thread of its own
    other.execute("COMMIT")
    other.close()
    await until(lambda: seen(path) == [("1000", "sip:a@a", 1)])
    await store.close()


async def test_a_database_that_comes_late_is_used_when_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    store = Store(f"sqlite+aiosqlite:///{folder}/a.db", FAST)
    assert not await store.open()
    assert store.in_trouble  # though nothing was to be written yet
    assert await store.read(select(bindings)) == ()
    store.put(bindings, row())
    await asyncio.sleep(0.05)
    assert store.waiting == 1
    folder.mkdir(parents=True)
    await until(lambda: not store.waiting)
    await until(lambda: not store.in_trouble)
    await store.close()
    assert seen(folder / "a.db") == [("1000", "sip:a@a", 1)]


async def test_a_file_that_is_no_database_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/a.db", FAST)
    assert not await store.open()
    store.put(bindings, row())
    await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        await store.close(0.1)
    assert (tmp_path / "a.db").read_bytes().startswith(b"not a database")


async def test_the_schema_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    await store.close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    older = Store(f"sqlite+aiosqlite:///{tmp_path}/a.db", FAST)
    assert not await older.open()
    older.put(bindings, row())
    await asyncio.sleep(0.05)
    assert seen(tmp_path / "a.db") == []
    await older.close(0.1)


@pytest.mark.parametrize("broken", [{"uri": "sip:\udc80@a"}, {"call_id": None}])
async def test_a_broken_row_is_given_up(database: str, broken: dict[str, Value]) -> None:
    store = await opened(database)
    store.put(bindings, row() | broken)
    store.put(bindings, row(uri="sip:b@a"))
    await until(lambda: not store.waiting)
    await store.close()
    assert await found(database) == [("1000", "sip:b@a", 1)]
    assert store.lost == 1


@pytest.mark.parametrize("broken", [{"cseq": "none"}, {"call_id": "\0"}, {"extension": "1" * 65}])
async def test_what_only_postgresql_refuses_is_given_up(postgres: Postgres, broken: dict[str, Value]) -> None:
    database = postgres.database()
    store = await opened(database)
    store.put(bindings, row(uri="sip:b@a"))
    store.put(bindings, row() | broken)
    await until(lambda: not store.waiting)
    await store.close()
    assert await found(database) == [("1000", "sip:b@a", 1)]
    assert store.lost == 1


@pytest.mark.parametrize("url", ["", "nonsense", "oracle+nothing://x/y", "sqlite:///x.db"])
def test_a_url_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(StoreError):
        Store(url)


def test_the_default_is_a_file_in_the_data_folder() -> None:
    assert database_url("auto", Path("/data")) == "sqlite+aiosqlite:////data/voipbin.db"
    assert database_url("postgresql+asyncpg://u@h/d", Path("/data")) == "postgresql+asyncpg://u@h/d"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("sqlite:////var/x.db", "sqlite+aiosqlite:////var/x.db"),
    ],
)
def test_the_driver_need_not_be_named(written: str, meant: str) -> None:
    assert database_url(written, Path("/data")) == meant


async def test_what_a_query_asks_for_is_in_no_message(database: str) -> None:
    store = Store(database, FAST)
    assert await store.open()
    odd = select(bindings).where(bindings.c.user_agent == "4711 typed").where(text("no_such_column = 1"))
    with pytest.raises(StoreUnavailable) as told:
        await store.fetch(odd)
    assert "cannot be read" in str(told.value)
    assert "4711" not in str(told.value) and "SELECT" not in str(told.value)
    assert "4711" not in str(told.value.__cause__)
    await store.close()
