"""Databases: what is tested with one of these runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Postgres, make_schema, sqlite_url

BOTH = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests."""
    server = Postgres()
    if not server.is_installed:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    try:
        server.make()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def newest_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "newest.db"
    make_schema(sqlite_url(file))
    return file


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the newest schema and no rows."""
    if request.param == "postgresql":
        yield from _of_postgres(request, empty=False)
        return
    file = tmp_path / "test.db"
    shutil.copy(request.getfixturevalue("newest_sqlite"), file)
    yield sqlite_url(file)


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any tables."""
    if request.param == "postgresql":
        yield from _of_postgres(request, empty=True)
        return
    yield sqlite_url(tmp_path / "test.db")


def _of_postgres(request: pytest.FixtureRequest, *, empty: bool) -> Iterator[str]:
    server: Postgres = request.getfixturevalue("postgres")
    url = server.database(empty=empty)
    yield url
    server.drop(url)
