"""What the doctor has to say: one `Finding` each, in plain words, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Errors keep calls from working, warnings will some day or in some cases."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and what was found."""

    area: str
    level: Level
    finding: str
    advice: str = ""
    where: str = ""  # FILE:LINE, where the key to change stands


@dataclass(slots=True)
class Notes:
    """Takes the findings of one check; what it took before the check broke or ran out of time is kept."""

    area: str
    found: list[Finding] = field(default_factory=list)

    def ok(self, finding: str, *, where: str = "") -> None:
        """Note that something is in order."""
        self.found.append(Finding(self.area, Level.OK, finding, "", where))

    def info(self, finding: str, advice: str = "", *, where: str = "") -> None:
        """Note what is good to know."""
        self.found.append(Finding(self.area, Level.INFO, finding, advice, where))

    def warning(self, finding: str, advice: str, *, where: str = "") -> None:
        """Note what may go wrong."""
        self.found.append(Finding(self.area, Level.WARNING, finding, advice, where))

    def error(self, finding: str, advice: str, *, where: str = "") -> None:
        """Note what is wrong."""
        self.found.append(Finding(self.area, Level.ERROR, finding, advice, where))
