"""Brings the schema of a database to where the code wants it, with Alembic, without any file to edit.

Alembic is loaded only where there is something to migrate: it would double the time that the database adds to a start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table
from sqlalchemy.ext.asyncio import AsyncEngine

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "head"
BASE = "base"
_SCRIPTS = Path(__file__).parent / "migrations"
_VERSION = table("alembic_version", column("version_num"))  # Alembic's own


class MigrationError(Exception):
    """The schema cannot be migrated: it is of a newer version of the server, or migrations are missing."""


async def upgrade(engine: AsyncEngine, revision: str = HEAD) -> None:
    """Run the migrations up to a revision; nothing is done where it is reached already. Raises MigrationError."""
    from alembic import command

    await _migrate(engine, command.upgrade, revision)


async def downgrade(engine: AsyncEngine, revision: str = BASE) -> None:
    """Run the migrations back to a revision; data that has no place there is lost. Raises MigrationError."""
    from alembic import command

    await _migrate(engine, command.downgrade, revision)


async def current(engine: AsyncEngine) -> str | None:
    """Return the revision of a database, None for one without any tables of ours; cheap."""
    async with engine.connect() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table(_VERSION.name)):
            return None
        found: str | None = await connection.scalar(select(_VERSION.c.version_num))
        return found


def newest() -> str:
    """Return the revision that the code wants: the number in the name of the last migration."""
    return max(path.stem[1:].partition("_")[0] for path in (_SCRIPTS / "versions").glob("r*.py"))


async def _migrate(engine: AsyncEngine, command: Callable[[Config, str], None], revision: str) -> None:
    from alembic.config import Config
    from alembic.util.exc import CommandError

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command(config, revision)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    except CommandError as error:
        raise MigrationError(str(error)) from error
