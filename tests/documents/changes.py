"""Changes that a page tells its reader to make in files: blocks of `diff`, without numbers of lines.

A line `--- FILE` names the file, lines that begin with `@@` part the places. The lines to change, and those around them
that do not change, must stand in the file exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.documents.pages import Block


@dataclass(frozen=True, slots=True)
class Change:
    """One place of a file: whole lines, before and after."""

    file: str
    old: str
    new: str


def changes(block: Block) -> Iterator[Change]:
    """Yield the places of a block. Raises AssertionError for a block that is no such thing."""
    file, old, new = "", "", ""
    for line in [*block.text.splitlines(), "@@"]:
        if not line.startswith(("--- ", "@@")):
            assert line[:1] in ("", " ", "+", "-"), f"{block}: a line begins with a blank, + or -: {line}"
            old += "" if line.startswith("+") else f"{line[1:]}\n"
            new += "" if line.startswith("-") else f"{line[1:]}\n"
            continue
        if old or new:
            assert file, f"{block}: which file? It begins with `--- FILE`"
            yield Change(file, old, new)
        old, new = "", ""
        file = line.removeprefix("--- ").strip() if line.startswith("--- ") else file


def make(change: Change, folder: Path) -> Path:
    """Change the file; returns it. Raises AssertionError where the lines are not there."""
    path = folder / change.file
    text = path.read_text(encoding="utf-8")
    assert change.old and text.count(change.old) == 1, f"{change.file} has not exactly once:\n{change.old}"
    path.write_text(text.replace(change.old, change.new), encoding="utf-8")
    return path
