"""Times as operators write them in scenarios: `30s`, `1.5`, `2m`, `1d`, and moments like `2026-01-05 10:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, WithJsonSchema

_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}
LONGEST = 366 * 86_400.0  # seconds


def seconds_in(text: str) -> float:
    """Return the seconds that a text like `30s`, `2m`, `1h`, `1d`, `500ms` or `30` says. Raises ValueError."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text[:40]}' is not a time: write 30s, 2m, 1h, 1d, 500ms or seconds")
    seconds = float(found.group(1)) * _UNITS[found.group(2)]
    if seconds > LONGEST:
        raise ValueError(f"'{text[:40]}' is longer than a year")
    return seconds


def _span(value: object) -> object:
    return seconds_in(value) if isinstance(value, str) else value


Seconds = Annotated[
    float,
    BeforeValidator(_span),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^\d+(\.\d+)? ?(ms|s|m|h|d)?$"},
            ]
        }
    ),
]


def moment_in(text: str, zone: str) -> datetime:
    """Return the moment, UTC, that a date and time in a time zone ("": UTC) says. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"'{text[:40]}' is not a date and time: write 2026-01-05 10:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(zone))
    return moment.astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone. Raises ValueError where there is none of this name."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name[:40]}' is not a known time zone") from None


def clock_text(seconds: float) -> str:
    """Return seconds since the beginning as `m:ss.t`, from an hour on as `h:mm:ss`."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    if minutes < 60:
        return f"{minutes}:{rest // 10:02}.{rest % 10}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}"
