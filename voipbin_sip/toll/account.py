"""What one account has telephoned: a payer, a provider, or the whole server."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from voipbin_sip.toll.limits import CallLimits

WINDOW = 60.0  # s, of calls per minute
TOTAL = "total"
VIA = "via"  # "via:carrier": the calls that a provider carries; "provider:carrier" are those it brought us


@dataclass(slots=True)
class Account:
    """The counters of one account."""

    name: (
        str  # "extension:1000", "trunk:office", "provider:carrier", "via:carrier", "total"; "" = nobody known
    )
    running: int = 0
    seconds: float = 0.0  # of answered calls, today
    recorded: float = 0.0  # of these, what the store has been told
    _begun: deque[float] = field(default_factory=deque)  # when, those within the window

    def refusal(self, limits: CallLimits, now: float) -> str:
        """Return why no further call may begin, "" if one may."""
        if reason := self.exhausted(limits):
            return reason
        if limits.concurrent and self.running >= limits.concurrent:
            return f"{self._subject} has {_counted(self.running, 'call')} already"
        if limits.per_minute and self._recent(now) >= limits.per_minute:
            return f"{self._subject} has begun {_counted(len(self._begun), 'call')} within a minute"
        return ""

    def exhausted(self, limits: CallLimits) -> str:
        """Return why running calls must end, "" if they need not."""
        if limits.minutes_per_day and self.seconds >= 60 * limits.minutes_per_day:
            return f"{self._subject} has used its {limits.minutes_per_day:g} minutes of today"
        return ""

    def begin(self, now: float) -> None:
        """Count a call that begins."""
        self.running += 1
        self._begun.append(now)

    def is_idle(self, now: float) -> bool:
        """Whether nothing would be lost if it were forgotten."""
        return not self.running and not self.seconds and not self._recent(now)

    def _recent(self, now: float) -> int:
        while self._begun and now - self._begun[0] >= WINDOW:
            self._begun.popleft()
        return len(self._begun)

    def begun(self, now: float) -> int:
        """Return how many calls have begun within the last minute."""
        return self._recent(now)

    @property
    def _subject(self) -> str:
        kind, _, name = self.name.partition(":")
        if kind == TOTAL:
            return "the server"
        if kind == VIA:
            return f"provider {name}"
        if kind == "provider":
            return f"what comes from provider {name}"
        return f"{kind} {name}" if kind else "an unknown caller"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
