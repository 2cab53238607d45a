"""How long to wait before the next try: longer each time, and never at the same moment as everybody else."""

from __future__ import annotations

import random

JITTER = 0.2


class BackOff:
    """Delays from `first` to `most` seconds, doubling."""

    def __init__(self, first: float, most: float, chance: random.Random) -> None:
        self._first = first
        self._most = most
        self._chance = chance
        self._next = first

    def delay(self) -> float:
        """Return the next delay, a fifth more or less."""
        delay, self._next = self._next, min(2 * self._next, self._most)
        return spread(delay, self._chance)

    def reset(self) -> None:
        """Begin anew."""
        self._next = self._first


def spread(seconds: float, chance: random.Random) -> float:
    """Return about so many seconds."""
    return seconds * chance.uniform(1 - JITTER, 1 + JITTER)
