"""When declared resources were made, as far as anybody can tell: when their file was written last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

_TICK = timedelta(microseconds=1)


def declared_times(files: Iterable[Path]) -> list[datetime]:
    """Return a time for each entry, given its file. No two are equal; what stands first in a file is the newest.

    Lists are walked by these times, so they stay the same from start to start.
    """
    entries = list(files)
    written = {file: _written(file) for file in set(entries)}
    return [written[file] - number * _TICK for number, file in enumerate(entries)]


def _written(file: Path) -> datetime:
    try:
        microseconds = file.stat().st_mtime_ns // 1000
    except OSError:
        microseconds = 0
    return datetime.fromtimestamp(0, UTC) + microseconds * _TICK
