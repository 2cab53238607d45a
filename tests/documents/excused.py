"""What the pages show and no test runs, each with its reason; one that is not on its page any more is a failure.

`begins` is how a block's first line begins (the whole block is left out), or a line of a shell block (that line), or a
command in a sentence.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.documents.pages import PAGES, Block, blocks, sentences


class Excuse(NamedTuple):
    """One thing that is not run."""

    page: str
    begins: str
    why: str


EXCUSED = (
    Excuse("README.md", "make test", "it is what runs this"),
    Excuse(
        "docs/database.md",
        "createuser",
        "needs a PostgreSQL of one's own; tests/store and tests/phones start one",
    ),
    Excuse("docs/reload.md", "systemctl reload", "needs systemd"),
    Excuse(
        "docs/troubleshooting.md",
        "voipbin-sip call last --api http://127.0.0.1:8080 --accesskey vb_",
        "with a key that is wrong, and an address where nobody is: tests/phones/test_planted_within.py",
    ),
    Excuse("docs/tls.md", "kill -HUP", "a signal: tests/phones/test_tls.py sends it"),
    Excuse("bench/README.md", "make bench", "measures for an hour, with a load generator of its own"),
    Excuse("bench/README.md", "bench/run.sh", "measures for an hour, with a load generator of its own"),
)


def is_excused(page: str, text: str) -> bool:
    """Tell whether a block, a line or a command that begins like this is left out."""
    return any(excuse.page == page and text.startswith(excuse.begins) for excuse in EXCUSED)


def without_excused_lines(block: Block) -> str:
    """Return the text of a shell block with what may be run."""
    return "".join(
        line for line in block.text.splitlines(keepends=True) if not is_excused(block.page, line.strip())
    )


def is_needed(excuse: Excuse) -> bool:
    """Tell whether what it excuses is there."""
    if excuse.page not in PAGES:
        return False
    lines = [line.strip() for block in blocks(excuse.page) for line in block.text.splitlines()]
    return any(text.startswith(excuse.begins) for text in (*lines, *sentences(excuse.page)))
