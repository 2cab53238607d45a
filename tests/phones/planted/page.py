"""docs/troubleshooting.md: each row of its tables is a fault, the command that names it, and the words of the answer.

The tests plant the fault of a row, run its command and look for its words: page and server cannot differ.
"""

from __future__ import annotations

import html
import re
import shlex
from dataclasses import dataclass

from tests.documents.pages import text_of

PAGE = "docs/troubleshooting.md"
COLUMNS = ["What you notice", "Cause", "Ask", "It says"]
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Fault:
    """One row."""

    notice: str
    cause: str
    command: str  # "call last"
    says: str  # `…` stands for anything

    @property
    def words(self) -> list[str]:
        """The command behind `voipbin-sip`."""
        program, *words = shlex.split(self.command)
        assert program == "voipbin-sip", self.command
        return words


def faults() -> list[Fault]:
    """Return all rows of the page."""
    rows = [_cells(line) for line in text_of(PAGE).splitlines() if line.startswith("|")]
    return [_fault(row) for row in rows if row != COLUMNS and not row[0].startswith("---")]


def about(cause: str) -> list[Fault]:
    """Return the rows about a cause, of which there must be one at least."""
    found = [fault for fault in faults() if fault.cause == cause]
    assert found, f"{PAGE} has no row about {cause!r}"
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _fault(row: list[str]) -> Fault:
    notice, cause, ask, says = row
    command = _CODE.fullmatch(ask)
    assert command, f"{PAGE}: {ask!r} is no command in backticks"
    return Fault(notice, cause, command[1], html.unescape(says))
