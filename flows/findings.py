"""What a check has to say about a file: one `Finding` per fault, with the place to look at.

Used by everything that reads files written by operators: flows, configuration and directory.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol


class Severity(Enum):
    """How bad it is. Errors refuse the file, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


class Place(Protocol):
    """Anything that knows where it was written: a node, an origin."""

    @property
    def file(self) -> Path:
        """Return the file."""
        ...

    @property
    def line(self) -> int:
        """Return the line, from 1."""
        ...

    @property
    def column(self) -> int:
        """Return the column, from 1."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a file; line and column count from 1. `why`: why it matters, where that is not plain."""

    file: Path
    line: int
    column: int
    severity: Severity
    message: str
    why: str = ""

    def __str__(self) -> str:
        mark = "warning: " if self.severity is Severity.WARNING else ""
        return f"{self.file}:{self.line}:{self.column}: {mark}{self.message}"


def error(place: Place, message: str, why: str = "") -> Finding:
    """Return an error at a place."""
    return Finding(place.file, place.line, place.column, Severity.ERROR, message, why)


def warning(place: Place, message: str, why: str = "") -> Finding:
    """Return a warning at a place."""
    return Finding(place.file, place.line, place.column, Severity.WARNING, message, why)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any finding is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings sorted by file and position, without repetitions."""
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda f: (str(f.file), f.line, f.column, f.message))


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the candidate most like the word, or an empty string."""
    names = {name.casefold(): name for name in candidates}
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f"; did you mean '{names[close[0]]}'?" if close else ""
