"""Which of a caller's digits count, where a phone sends each in more than one way.

RFC 4733 events and tones are told apart in the media worker. What is left is a phone that sends each digit as an
event *and* as SIP INFO. The way that delivered first owns the call's digits; another way takes over when the owner
has been silent for a while.
"""

from __future__ import annotations

OWNER_SILENCE = 3.0  # seconds


class DigitGate:
    """Lets each pressed digit through once."""

    def __init__(self) -> None:
        self._owner = ""
        self._last = 0.0

    def passes(self, source: str, now: float) -> bool:
        """Whether a digit that came by `source` ("rfc4733", "inband", "info") at `now` seconds counts."""
        if self._owner not in ("", source) and now - self._last < OWNER_SILENCE:
            return False
        self._owner = source
        self._last = now
        return True
