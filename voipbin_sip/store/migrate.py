"""Brings the schema of a database to where the code wants it, with Alembic, without any file to edit."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

HEAD = "head"
BASE = "base"
_SCRIPTS = Path(__file__).parent / "migrations"


async def upgrade(engine: AsyncEngine, revision: str = HEAD) -> None:
    """Run the migrations up to a revision; nothing is done where it is reached already."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def downgrade(engine: AsyncEngine, revision: str = BASE) -> None:
    """Run the migrations back to a revision; data that has no place there is lost."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def current(engine: AsyncEngine) -> str | None:
    """Return the revision of a database, None for one without any tables of ours; cheap."""
    async with engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
