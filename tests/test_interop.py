"""Every test that docs/interop.md names exists, and every fault in it has one against the real server."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = re.split(r"^## ", (ROOT / "docs" / "interop.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[
    1:
]


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_all_twenty_five_are_there() -> None:
    assert [int(section.partition(".")[0]) for section in SECTIONS] == list(range(1, 26))


@pytest.mark.parametrize("section", SECTIONS, ids=[section.partition(".")[0] for section in SECTIONS])
def test_the_tests_of_a_fault_exist(section: str) -> None:
    named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", section)
    assert [path for path, _ in named if path.startswith("tests/phones/")]
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert name in functions_of(ROOT / path), f"{path}::{name}"
