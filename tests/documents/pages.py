"""The pages of the documentation, cut into blocks and into the commands that stand in sentences."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        ROOT / "bench" / "README.md",
        ROOT / "config" / "sounds" / "README.md",
    )
)

HOWTOS = tuple(page for page in PAGES if page.startswith("docs/howto/"))

_FENCE = re.compile(r"^( *)(```+|~~~+)([^`]*)$")
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `language` and `words` are what stands behind its opening fence."""

    page: str
    line: int  # of its first line of text, counted from 1
    language: str
    words: frozenset[str]
    text: str

    @property
    def first(self) -> str:
        """The first line that says something."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")

    @property
    def status(self) -> int:
        """The exit status that its last command must have."""
        return next((int(word[5:]) for word in self.words if word.startswith("exit-")), 0)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    """Return the Markdown of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """Return the blocks of a page in their order."""
    return tuple(block for block, _ in _cut(page) if block is not None)


@cache
def sentences(page: str) -> tuple[str, ...]:
    """Return the code within sentences and tables of a page, blanks and line ends made one."""
    prose = "\n".join(line for block, line in _cut(page) if block is None)
    return tuple(" ".join(match[1].split()).replace("\\|", "|") for match in _INLINE.finditer(prose))


def _cut(page: str) -> Iterator[tuple[Block | None, str]]:
    """Yield each block, and each line outside of blocks (None and the line)."""
    lines = iter(enumerate(text_of(page).splitlines(), start=1))
    for number, line in lines:
        opening = _FENCE.match(line)
        if opening is None:
            yield None, line
            continue
        indent, fence, words = opening[1], opening[2], opening[3].split()
        inside = []
        for _, text in lines:
            if text.strip() == fence:
                break
            inside.append(text.removeprefix(indent))
        else:
            raise AssertionError(f"{page}:{number}: this block has no end")
        text = textwrap.dedent("\n".join(inside)) + "\n"
        language, *rest = words or [""]
        yield Block(page, number + 1, language, frozenset(rest), text), ""
