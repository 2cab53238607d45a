"""Direct hashes: names that nobody can guess, under which anybody may call without an account.

`direct.` and 12 hex digits, as VoIPBIN makes them. What the API makes gets a random one, which can be made anew; what
the configuration declares gets one made of its name and of a key of this server, always the same.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

PREFIX = "direct."
_DIGITS = 12


def new_hash() -> str:
    """Return a direct hash that there was never before."""
    return PREFIX + secrets.token_hex(_DIGITS // 2)


def declared_hashes(key: bytes) -> Callable[[str, str], str]:
    """Return what gives the direct hash of a kind and a name; `key` is secret and stays the same."""
    own = hmac.digest(key, b"direct hashes", "sha256")  # the key itself has another use

    def declared_hash(kind: str, name: str) -> str:
        return PREFIX + hmac.digest(own, f"{kind}:{name}".encode(), "sha256").hex()[:_DIGITS]

    return declared_hash
