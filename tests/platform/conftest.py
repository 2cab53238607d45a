from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.platform.office import Office


@pytest.fixture
async def office(newest_sqlite: Path, tmp_path: Path) -> AsyncIterator[Office]:
    """Calls on a real platform with a database of SQLite."""
    file = tmp_path / "office.db"
    shutil.copy(newest_sqlite, file)
    running = await Office.opened(f"sqlite+aiosqlite:///{file}", tmp_path)
    yield running
    await running.close()
