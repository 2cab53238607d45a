"""Blocks of `diff` are made as a reader would make them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.changes import changes, make
from tests.documents.pages import Block

BEFORE = "one\ntwo\nlast\n"


def block(text: str) -> Block:
    return Block("README.md", 1, "diff", frozenset(), text)


def test_places_are_changed_and_lines_added(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BEFORE)
    found = list(changes(block("--- a.yaml\n@@ here\n-two\n+2\n@@ the end\n last\n+\n+more\n")))
    for change in found:
        assert make(change, tmp_path) == tmp_path / "a.yaml"
    assert len(found) == 2
    assert (tmp_path / "a.yaml").read_text() == "one\n2\nlast\n\nmore\n"


@pytest.mark.parametrize(
    "text", ["--- a.yaml\n-three\n+3\n", "--- a.yaml\n+alone\n", "-one\n+1\n", "--- a.yaml\none\n"],
    ids=["missing", "anywhere", "no file", "no mark"],
)  # fmt: skip
def test_what_cannot_be_made_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BEFORE)
    with pytest.raises(AssertionError, match=r"exactly once|which file|begins with"):
        for change in changes(block(text)):
            make(change, tmp_path)
