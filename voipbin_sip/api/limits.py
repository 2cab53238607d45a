"""How many requests an address and a customer may make (VoIPBIN's tiers)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from voipbin_sip.api.errors import ApiError
from voipbin_sip.transport.limits import Rate

MAX_KNOWN = 10_000  # addresses and customers whose requests are counted


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """A token bucket for each name."""

    def __init__(self, rate: Rate, limited_by: str) -> None:
        self._rate = rate
        self._limited_by = limited_by
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, now: float | None = None) -> None:
        """Count one request. Raises ApiError(429) with the seconds to wait."""
        if self._rate.per_second <= 0:
            return
        now = time.monotonic() if now is None else now
        bucket = self._buckets.pop(name, None) or _Bucket(self._rate.burst, now)
        bucket.tokens = min(self._rate.burst, bucket.tokens + (now - bucket.at) * self._rate.per_second)
        bucket.at = now
        self._buckets[name] = bucket  # the least recently seen stands first
        if len(self._buckets) > MAX_KNOWN:
            del self._buckets[next(iter(self._buckets))]
        if bucket.tokens < 1:
            seconds = max(1, round((1 - bucket.tokens) / self._rate.per_second))
            raise ApiError(
                "RESOURCE_EXHAUSTED",
                "RATE_LIMIT_EXCEEDED",
                f"too many requests; try again in {seconds} s",
                details=[{"limited_by": self._limited_by}],
                headers={"Retry-After": str(seconds)},
            )
        bucket.tokens -= 1
