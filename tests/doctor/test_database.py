"""Databases that are whole, damaged, of another version, or away."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.databases import Postgres
from tests.doctor.patients import bad, errors, found, of, patient
from tests.phones import ports
from voipbin_sip.doctor.database import database
from voipbin_sip.doctor.finding import Level
from voipbin_sip.doctor.patient import Patient


@pytest.fixture
def whom(tmp_path: Path, newest_sqlite: Path) -> Patient:
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(newest_sqlite, tmp_path / "data" / "voipbin.db")
    return patient(tmp_path)


async def test_one_that_is_whole(whom: Patient) -> None:
    findings = await found(database, whom)
    assert bad(findings) == []
    assert "is whole, of schema" in findings[0].finding


async def test_one_that_a_server_writes_just_now(whom: Patient) -> None:
    with sqlite3.connect(whom.places.data / "voipbin.db") as server:
        server.execute("PRAGMA journal_mode=WAL")
        server.execute("CREATE TABLE something (id INTEGER)")
        server.execute("INSERT INTO something VALUES (1)")  # not committed: the doctor waits for nobody
        assert bad(await found(database, whom)) == []
        server.rollback()
    server.close()


async def test_there_is_none_yet(tmp_path: Path) -> None:
    findings = await found(database, patient(tmp_path))
    assert bad(findings) == []
    assert "made at the first start" in findings[0].finding


async def test_a_file_that_is_no_database(whom: Patient) -> None:
    (whom.places.data / "voipbin.db").write_bytes(b"hello, this is not SQLite " * 200)
    (told,) = errors(await found(database, whom))
    assert "file is not a database" in told
    assert "restore a backup" in told


async def test_a_file_with_pages_overwritten(whom: Patient) -> None:
    path = whom.places.data / "voipbin.db"
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096, 2):
        data[page * 4096 : page * 4096 + 600] = b"\xa5" * 600
    path.write_bytes(data)
    (told,) = errors(await found(database, whom))
    assert "voipbin.db" in told and ("damaged" in told or "malformed" in told)
    assert "backup" in told


async def test_a_newer_version_has_written_it(whom: Patient) -> None:
    with sqlite3.connect(whom.places.data / "voipbin.db") as one:
        one.execute("UPDATE alembic_version SET version_num = '9999'")
    one.close()
    (told,) = errors(await found(database, whom))
    assert "newer than this version knows" in told


async def test_an_older_one_is_brought_up_at_the_next_start(whom: Patient) -> None:
    with sqlite3.connect(whom.places.data / "voipbin.db") as one:
        one.execute("UPDATE alembic_version SET version_num = '0001'")
    one.close()
    (told,) = of(Level.INFO, await found(database, whom))
    assert "the next start brings it" in told and "backup" in told


async def test_postgresql_that_answers_refuses_or_is_away(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.database(empty=False)
    plain = url.replace("postgresql+asyncpg", "postgresql")
    try:
        findings = await found(database, patient(tmp_path, database={"url": plain}))
        assert bad(findings) == []
        assert "answers, of schema" in findings[0].finding

        head, _, tail = plain.partition("@")
        wrong = f"{head.rpartition(':')[0]}:wrong@{tail}"
        (told,) = errors(await found(database, patient(tmp_path, database={"url": wrong})))
        assert "refuses us" in told and "password" in told
        assert "wrong" not in told
    finally:
        postgres.drop(url)
    away = f"postgresql://voipbin:word@127.0.0.1:{ports.free()}/voipbin"
    (told,) = errors(await found(database, patient(tmp_path, database={"url": away})))
    assert "does not answer" in told
