"""What became of reading the configuration again, as the API, the log, the metrics and the command show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from flows.findings import Finding


@dataclass(frozen=True, slots=True)
class Reloaded:
    """One attempt. Without an error all of it is in force, with one nothing of it is."""

    ok: bool
    time: datetime
    cause: str  # "start", "signal", "files" or "api"
    version: int  # how often the configuration in force was changed; 0 = as at the start
    flows: int = 0  # in force, of files
    findings: Sequence[Finding] = ()
    restart: Sequence[str] = field(default=())  # keys that have changed and are taken at the next start only


class Reloading(Protocol):
    """Reads the configuration again."""

    @property
    def last(self) -> Reloaded:
        """Return what became of the last attempt; the start counts as one."""
        ...

    @property
    def refused(self) -> int:
        """Return how many attempts were refused since the start."""
        ...

    async def reload(self, cause: str) -> Reloaded:
        """Try it, after those who try it already."""
        ...
