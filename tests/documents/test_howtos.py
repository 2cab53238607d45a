"""The how-to pages, block by block; apart from the others, so that two processes share them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.pages import HOWTOS
from tests.documents.reader import try_page


@pytest.mark.parametrize("page", HOWTOS)
def test_page(page: str, tmp_path: Path) -> None:
    try_page(page, tmp_path)
