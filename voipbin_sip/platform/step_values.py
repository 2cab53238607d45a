"""What is told of the variables that a step has changed: their values, but never what callers typed or said."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from uuid import UUID

from flows.variables import DIGITS

LONGEST = 120  # characters of a value
REMEMBERED = 8  # entries of one run
MASK = "•"
HIDDEN = "(hidden)"
_PIECE = 3  # digits that are looked for within other values too: shorter ones are in everything
_SECRET = re.compile(
    r"digits|pass|secret|token|credential|key$|(^|[^a-z])pin([^a-z]|$)|transcri|speech", re.I
)
_BODY = "voipbin.webhook.body"  # may hold anything of anybody


class StepValues:
    """Makes values fit to be seen. It remembers what was typed in each run, to know it in other variables again."""

    def __init__(self) -> None:
        self._typed: dict[UUID, deque[str]] = {}

    def shown(self, run_id: UUID, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the values that a step has left, those of secrets masked, long ones cut."""
        if not variables:
            return {}
        if typed := variables.get(DIGITS):
            self._typed.setdefault(run_id, deque(maxlen=REMEMBERED)).append(typed)
        known = self._typed.get(run_id, ())
        return {name: self._value(name, value, known) for name, value in sorted(variables.items())}

    def forget(self, run_id: UUID) -> None:
        """Take the end of a run."""
        self._typed.pop(run_id, None)

    def _value(self, name: str, value: str, typed: deque[str] | tuple[()]) -> str:
        if name == DIGITS:
            return MASK * len(value)
        if name == _BODY:
            return f"({len(value)} characters)" if value else ""
        if value and _SECRET.search(name):
            return HIDDEN
        if any(word == value or (len(word) >= _PIECE and word in value) for word in typed):
            return HIDDEN
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
