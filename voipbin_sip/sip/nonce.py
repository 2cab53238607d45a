"""Nonces that need no memory: signed, with time and receiver inside; and the memory that only replays need."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issued:
    """What a nonce of ours says of itself."""

    at: float  # seconds since 1970
    to: str  # the address that it was sent to, "" for none


def make_nonce(secret: bytes, now: float, salt: str, to: str = "") -> str:
    """Return a nonce that only the holder of `secret` can make.

    `salt` is random text that makes it unique, `to` the address that the challenge goes to: who uses the nonce
    receives there, or knows somebody who does.
    """
    stamp = f"{max(0, int(now)):x}-{salt}-{to.encode('utf-8', 'surrogateescape').hex()}"
    return f"{stamp}-{_signature(secret, stamp)}"


def read_nonce(secret: bytes, nonce: str) -> Issued | None:
    """Return when and to whom a nonce was issued, None if it is not ours."""
    stamp, _, signature = nonce.rpartition("-")
    if not hmac.compare_digest(
        signature.encode("utf-8", "surrogateescape"), _signature(secret, stamp).encode()
    ):
        return None
    when, *_, to = stamp.split("-")
    return Issued(int(when, 16), bytes.fromhex(to).decode("utf-8", "surrogateescape"))


def nonce_age(secret: bytes, nonce: str, now: float) -> float | None:
    """Return the age of a nonce in seconds, None if it is not ours."""
    issued = read_nonce(secret, nonce)
    return None if issued is None else now - issued.at


def _signature(secret: bytes, stamp: str) -> str:
    return hmac.new(secret, stamp.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:32]


class NonceCounts:
    """The highest count seen of each nonce in use: a count that is not higher is a replay (RFC 7616 section 3.4)."""

    __slots__ = ("_capacity", "_highest")

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._highest: dict[str, int] = {}  # oldest first

    def accept(self, nonce: str, count: int) -> bool:
        """Return whether the count is new for the nonce, and remember it. 0 (no qop) is good once.

        Call it for verified credentials only. Beyond the capacity the nonce used longest ago is forgotten.
        """
        highest = self._highest.pop(nonce, -1)
        self._highest[nonce] = max(highest, count)
        if len(self._highest) > self._capacity:
            del self._highest[next(iter(self._highest))]
        return count > highest
