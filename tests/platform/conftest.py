from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.platform.office import Office


@pytest.fixture
async def office(database: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Calls on a real platform with a real database."""
    running = await Office.opened(database, tmp_path)
    yield running
    await running.close()
