"""The database: is its file whole, does the server answer, is its schema one that we know. Nothing is written."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient

SECONDS = 6.0
NOT_INSTALLED = "install voipbin-sip anew (make run)"


async def database(patient: Patient, notes: Notes) -> None:
    """Look at the database of the configuration."""
    from sqlalchemy import make_url  # slow to load
    from sqlalchemy.exc import ArgumentError

    from voipbin_sip.store.backend import database_url

    where = patient.key("database", "url")
    try:
        url = make_url(database_url(patient.config.database.url, patient.places.data))
    except ArgumentError as error:
        notes.error(f"database.url cannot be read: {error}", "see docs/database.md", where=where)
        return
    if url.get_backend_name() == "sqlite":
        await apart(lambda: _file(patient, notes, Path(str(url.database)), where))
        return
    await _server(notes, str(url.render_as_string(hide_password=False)), url.host or "", where)


def _file(patient: Patient, notes: Notes, path: Path, where: str) -> None:
    from voipbin_sip.store.migrate import newest

    if not path.exists():
        notes.ok(f"{path} is made at the first start")
        return
    try:
        # Not immutable: what a running server has not moved out of its log yet is read, too.
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            revision = _revision(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        advice = "restore a backup (docs/database.md), or move it away: an empty one is made"
        if "locked" in str(error):
            advice = "another program holds it: lsof shows which"
        elif "unable to open" in str(error):
            advice = "give this user the right to read it and to write its folder"
        notes.error(f"{path} cannot be read: {error}", advice, where=where)
        return
    if verdict != "ok":
        notes.error(
            f"{path} is damaged: {verdict}",
            "stop the server and restore a backup, or try sqlite3 FILE .recover; see docs/database.md",
            where=where,
        )
        return
    _schema(notes, f"{path} is whole", revision, newest(), where)


def _revision(connection: sqlite3.Connection) -> str | None:
    try:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None  # no tables of ours yet
    return None if found is None else str(found[0])


async def _server(notes: Notes, url: str, host: str, where: str) -> None:
    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    from voipbin_sip.store.backend import Backend
    from voipbin_sip.store.migrate import current, newest

    try:
        backend = Backend(make_url(url))
        engine = backend.engine()
    except (ModuleNotFoundError, SQLAlchemyError) as error:
        notes.error(f"the database cannot be used: {error}", NOT_INSTALLED, where=where)
        return
    refusals: tuple[type[Exception], ...] = (*backend.refusals, SQLAlchemyError)
    try:
        async with asyncio.timeout(SECONDS):
            revision = await current(engine)
    except refusals as error:
        why = str(error).splitlines()[0]
        notes.error(
            f"the database at {host} refuses us: {why}",
            "check user, password and database name in database.url; the server runs without, and forgets",
            where=where,
        )
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or str(error) or "no answer in time"
        notes.error(
            f"the database at {host} does not answer: {why}",
            "start it, or check host and port in database.url; calls go on without, until restarts forget",
            where=where,
        )
    else:
        _schema(notes, f"the database at {host} answers", revision, newest(), where)
    finally:
        await engine.dispose()


def _schema(notes: Notes, what: str, revision: str | None, newest: str, where: str) -> None:
    if revision is None:
        notes.ok(f"{what}; its tables are made at the next start")
    elif revision == newest:
        notes.ok(f"{what}, of schema {revision}")
    elif revision < newest:
        notes.info(
            f"{what}, of schema {revision}; the next start brings it to {newest}",
            "make a backup before",
            where=where,
        )
    else:
        notes.error(
            f"{what}, of schema {revision}: newer than this version knows ({newest})",
            "install the version that has written it, or restore an older backup",
            where=where,
        )
