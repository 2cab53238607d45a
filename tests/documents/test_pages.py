"""Each page, block by block, as its reader would take it; those of docs/howto are in `test_howtos.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import commands
from tests.documents.excused import EXCUSED, Excuse, is_needed
from tests.documents.pages import HOWTOS, PAGES, blocks
from tests.documents.reader import try_page


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in HOWTOS and (blocks(page) or commands.of_page(page))]
)
def test_page(page: str, tmp_path: Path) -> None:
    try_page(page, tmp_path)


@pytest.mark.parametrize("excuse", EXCUSED, ids=lambda excuse: f"{excuse.page}-{excuse.begins}")
def test_excuses_are_for_what_is_there(excuse: Excuse) -> None:
    assert is_needed(excuse), f"{excuse.page} shows nothing that begins with {excuse.begins!r}"
    assert excuse.why
