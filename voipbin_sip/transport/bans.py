"""Bans: a source that sends wrong passwords is not heard for a while, and longer each time.

Sources of datagrams can be forged: `guard` blames only addresses that have received a nonce of ours. Who shares one
with a guesser is banned with him, which is why registered phones and trunks are exempt (`transport.limits`), and why
even the first ban is short.
"""

from __future__ import annotations

from dataclasses import dataclass

from voipbin_sip.transport.bounded import Bounded


@dataclass(frozen=True, slots=True)
class BanTerms:
    """When and how long; seconds."""

    after: int = 10  # wrong passwords within the window; 0: nobody is banned
    window: float = 300.0
    first: float = 300.0  # the first ban; each further one twice as long, up to
    longest: float = 86_400.0
    memory: float = 86_400.0  # how long after its end a ban makes the next one longer


@dataclass(frozen=True, slots=True)
class Ban:
    """One ban."""

    until: float
    seconds: float
    failures: int


class Bans:
    """Sources under suspicion and banned ones. Memory is bounded: the oldest are forgotten."""

    def __init__(self, terms: BanTerms, capacity: int) -> None:
        self._terms = terms
        self._failures: Bounded[str, list[float]] = Bounded(capacity)  # when, the last `after` of each source
        self._bans: Bounded[str, Ban] = Bounded(capacity)

    def holds(self, key: str, now: float) -> bool:
        """Return whether a source is banned."""
        ban = self._bans.get(key)
        return ban is not None and now < ban.until

    def left(self, key: str, now: float) -> float:
        """Return the seconds that a source is still banned for, 0 where it is not."""
        ban = self._bans.get(key)
        return max(0.0, ban.until - now) if ban is not None else 0.0

    def blame(self, key: str, now: float) -> Ban | None:
        """Count a wrong password; returns the ban if this one was too much."""
        terms = self._terms
        if not terms.after or self.holds(key, now):
            return None
        recent = [when for when in self._failures.pop(key, ()) if now - when < terms.window]
        recent.append(now)
        if len(recent) < terms.after:
            self._failures[key] = recent
            return None
        before = self._bans.pop(key, None)
        seconds = terms.first
        if before is not None and now - before.until < terms.memory:
            seconds = min(2 * before.seconds, terms.longest)
        ban = Ban(now + seconds, seconds, len(recent))
        self._bans[key] = ban
        return ban

    def forgive(self, key: str) -> None:
        """Forget wrong passwords: the right one came. Bans of the past still count."""
        self._failures.pop(key, None)

    def lift(self, key: str) -> bool:
        """End a ban and forget all about the source."""
        self._failures.pop(key, None)
        return self._bans.pop(key, None) is not None

    def held(self, now: float) -> dict[str, float]:
        """Return the banned sources and the seconds that are left."""
        return {key: ban.until - now for key, ban in self._bans.items() if now < ban.until}
