"""Times as VoIPBIN's API writes them: UTC, whole microseconds, RFC 3339.

Older clients write `2026-08-22 10:28:30.123456`; both forms are read. `9999-01-01 …` once meant "never".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_FORM = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)
_TICK = timedelta(microseconds=1)


class Stamps:
    """A clock that never shows the same time twice and never goes back, so that its times order what they mark."""

    def __init__(self, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wall = wall
        self._last = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time, or a microsecond after the last one that was returned."""
        self._last = max(self._wall(), self._last + _TICK)
        return self._last


@lru_cache(4096)  # each time of a call is shown in all events that follow
def stamp_text(stamp: datetime) -> str:
    """Return `2026-08-22T10:28:30.123456Z`; such texts sort as their times do."""
    utc = stamp if stamp.tzinfo is UTC else stamp.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[:-6] + "Z"  # a third of the time of strftime


def parse_stamp(text: str) -> datetime:
    """Read either form; without a zone it is UTC. Raises ValueError."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be a time like 2026-08-22T10:28:30.123456Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction = int((match[7] or "0").ljust(6, "0")[:6])
    zone = UTC
    if match[8] not in (None, "Z"):
        zone = datetime.strptime(match[8], "%z").tzinfo or UTC  # type: ignore[assignment]
    return datetime(year, month, day, hour, minute, second, fraction, zone).astimezone(UTC)


def _read(value: Any) -> Any:
    return parse_stamp(value) if isinstance(value, str) else value


Stamp = Annotated[
    datetime,
    BeforeValidator(_read),
    PlainSerializer(stamp_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
