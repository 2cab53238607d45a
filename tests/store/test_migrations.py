"""The schema: up, down, and that the migrations end where the tables are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from voipbin_sip.store.migrate import BASE, current, downgrade, newest, upgrade
from voipbin_sip.store.tables import bindings, metadata


@pytest.fixture
async def engine(empty_database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(empty_database)
    yield engine
    await engine.dispose()


async def differences(engine: AsyncEngine) -> list[object]:
    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with engine.connect() as connection:
        return await connection.run_sync(compare)


async def tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_the_migrations_make_the_tables_of_the_code(engine: AsyncEngine) -> None:
    assert await current(engine) is None
    await upgrade(engine)
    assert await differences(engine) == []
    assert await current(engine) == newest()
    await upgrade(engine)  # a second start
    assert await differences(engine) == []


async def test_down_and_up_again(engine: AsyncEngine) -> None:
    await upgrade(engine)
    await downgrade(engine, BASE)
    assert await tables(engine) <= {"alembic_version"}
    await upgrade(engine)
    async with engine.connect() as connection:
        assert (await connection.execute(select(bindings))).all() == []


def test_a_schema_that_is_up_to_date_costs_no_loading_of_alembic(tmp_path: Path) -> None:
    """It is the greater part of the packages that the database needs at the start."""
    program = f"""
import asyncio, sys
from voipbin_sip.store.store import Store
async def main():
    store = Store("sqlite+aiosqlite:///{tmp_path}/test.db")
    print(await store.open(), "alembic" in sys.modules)
    await store.close()
asyncio.run(main())
"""
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2)
    ]
    assert [run.stdout.split() for run in said] == [[b"True", b"True"], [b"True", b"False"]]
