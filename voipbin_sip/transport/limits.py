"""Protection against scanners and floods: how much one source may send, and who is not heard any more.

`SourceLimits.admits` stands before parsing: one look-up and a little arithmetic for each message. Registered phones,
listed trunks and the configured networks are exempt from everything here: a limit must never hit a real trunk or a
whole office behind one address.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog

from voipbin_sip.transport.bans import Bans, BanTerms

_LOG_EVERY = 60.0  # seconds between two log lines about the same source


@dataclass(frozen=True, slots=True)
class Rate:
    """What a source may send: messages in a second on average, and in one go."""

    per_second: float = 200.0
    burst: float = 2000.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a source stands with us."""

    banned: float = 0.0  # seconds more that it is not heard
    limited: bool = False  # it sends too much: its next message is not looked at
    exempt: bool = False  # it is never banned or limited


@dataclass(slots=True)
class _Bucket:
    """A token bucket: `tokens` as of `at`."""

    tokens: float
    at: float
    refused: int = 0  # since the last log line
    logged_at: float = float("-inf")


class SourceLimits:
    """Decides by source address. Times are seconds of one monotonic clock.

    Args:
        rate: of each source, 0 per second: no limit.
        bans: after how many wrong passwords, and how long.
        networks: addresses and networks that are exempt, as `ipaddress` reads them.
        exempt: asked about a source only when it would be refused or blamed.
        capacity: sources remembered at least; at most twice as many. Who is forgotten starts with a full bucket.
    """

    def __init__(
        self,
        rate: Rate | None = None,
        bans: BanTerms | None = None,
        *,
        networks: Sequence[str] = (),
        exempt: Callable[[str], bool] = lambda host: False,
        capacity: int = 10_000,
    ) -> None:
        self._rate = rate or Rate()
        self._bans = Bans(bans or BanTerms(), capacity)
        self._networks = as_networks(networks)
        self._asked_exempt = exempt
        self._capacity = capacity
        self._recent: dict[str, _Bucket] = {}
        self._earlier: dict[str, _Bucket] = {}
        self._log = structlog.get_logger("protection")
        self.counters: Counter[str] = Counter()  # "limited", "banned": messages; "wrong_passwords", "bans"

    def admits(self, host: str, now: float) -> bool:
        """Take note of one message from a source and return whether to look at it."""
        key = source_key(host)
        if self._bans.holds(key, now) and not self._exempt(host):
            self.counters["banned"] += 1
            return False
        if not self._rate.per_second:
            return True
        bucket = self._bucket(key, now)
        tokens = min(self._rate.burst, bucket.tokens + (now - bucket.at) * self._rate.per_second)
        bucket.at = now
        if tokens >= 1:
            bucket.tokens = tokens - 1
            return True
        bucket.tokens = tokens
        if self._exempt(host):
            return True
        self._refused(host, bucket, now)
        return False

    def bars(self, host: str, now: float) -> bool:
        """Return whether a source is banned; nothing is counted."""
        return self._bans.holds(source_key(host), now) and not self._exempt(host)

    def standing(self, host: str, now: float) -> Standing:
        """Return how a source stands; nothing is counted."""
        key = source_key(host)
        if self._exempt(host):
            return Standing(exempt=True)
        bucket = self._recent.get(key) or self._earlier.get(key)
        rate = self._rate.per_second
        limited = bool(rate) and bucket is not None and bucket.tokens + (now - bucket.at) * rate < 1
        return Standing(self._bans.left(key, now), limited)

    def judged(self, host: str, good: bool, now: float) -> None:
        """Take note of a password that a source sent: right or wrong. A request without one is not told here."""
        key = source_key(host)
        if good:
            self._bans.forgive(key)
            return
        self.counters["wrong_passwords"] += 1
        if not self._exempt(host):
            ban = self._bans.blame(key, now)
            if ban is not None:
                self.counters["bans"] += 1
                self._log.warning(
                    "source banned", source=host, wrong_passwords=ban.failures, seconds=ban.seconds
                )

    def banned(self, now: float) -> dict[str, float]:
        """Return who is banned (an address, or the first of an IPv6 /64) and for how many seconds more."""
        return self._bans.held(now)

    def lift(self, host: str) -> bool:
        """End a ban and forget what led to it; False if there was none."""
        return self._bans.lift(source_key(host))

    def _bucket(self, key: str, now: float) -> _Bucket:
        """Return a source's bucket. Two generations bound the memory without looking for the oldest."""
        bucket = self._recent.get(key)
        if bucket is None:
            bucket = self._earlier.pop(key, None) or _Bucket(self._rate.burst, now)
            if len(self._recent) >= self._capacity:
                self._recent, self._earlier = {}, self._recent
            self._recent[key] = bucket
        return bucket

    def _refused(self, host: str, bucket: _Bucket, now: float) -> None:
        self.counters["limited"] += 1
        bucket.refused += 1
        if now - bucket.logged_at >= _LOG_EVERY:
            self._log.warning("source sends too much", source=host, refused=bucket.refused)
            bucket.logged_at, bucket.refused = now, 0

    def _exempt(self, host: str) -> bool:
        return self._asked_exempt(host) or in_networks(host, self._networks)


@lru_cache(maxsize=4096)
def source_key(host: str) -> str:
    """Return what a source is known by: its IPv4 address, or the first of its IPv6 /64, which one subscriber has."""
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def as_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return addresses and networks as `ipaddress` reads them. Raises ValueError."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


@lru_cache(maxsize=4096)
def in_networks(host: str, networks: tuple[Network, ...]) -> bool:
    """Return whether an address lies in one of the networks."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in networks)
