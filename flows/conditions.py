"""The comparisons of the condition actions: six operators over text, numbers, lengths and the clock."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

Operator: TypeAlias = Literal["==", "!=", ">", ">=", "<", "<="]

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def compare_text(condition: str, left: str, right: str) -> bool:
    """Compare by code points, which is the byte order of UTF-8."""
    return OPERATORS[condition](left, right)


def compare_number(condition: str, left: str, right: float) -> bool:
    """Compare as numbers; false where the left side is no finite number."""
    number = parse_number(left)
    return number is not None and OPERATORS[condition](number, right)


def compare_length(condition: str, left: str, right: int) -> bool:
    """Compare the number of characters of the left side."""
    return OPERATORS[condition](len(left), right)


def parse_number(text: str) -> float | None:
    """Return a number written in ASCII digits with optional sign, point and exponent, else None."""
    if not text or not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def matches_time(now: datetime, condition: str, fields: Mapping[str, int], weekdays: tuple[int, ...]) -> bool:
    """Tell whether `now OP value` holds for each field, and today is one of the weekdays where any are given.

    `fields` holds those of month, day, hour and minute that are compared; each is compared by itself, so
    `>=` with hour 8 and minute 30 is false at 09:15. `weekdays` counts from 0 = Sunday.
    """
    if weekdays and now.isoweekday() % 7 not in weekdays:
        return False
    holds = OPERATORS[condition]
    return all(holds(getattr(now, name), value) for name, value in fields.items())
