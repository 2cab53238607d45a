"""Keys of programs. Only a digest of the token is kept, so it can be shown once."""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import ClassVar

from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.stamps import Stamp

PREFIX = "vb_"
_ALPHABET = string.ascii_letters + string.digits


class Accesskey(Resource):
    """What the API shows of a key; `token` only in the answer that creates it."""

    kind: ClassVar[str] = "accesskey"

    name: str = ""
    detail: str = ""
    token: str | None = None
    token_prefix: str = ""
    tm_expire: Stamp | None = None


class StoredAccesskey(Accesskey):
    """A key as it is kept."""

    hidden: ClassVar[frozenset[str]] = frozenset({"token_hash"})

    token_hash: str = ""  # SHA-256, hexadecimal


def new_token() -> str:
    """Return a fresh token: `vb_` and 32 random letters and digits."""
    return PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(32))


def token_hash(token: str) -> str:
    """Return what is kept of a token. It is random enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def shown_prefix(token: str) -> str:
    """Return what people recognise a key by."""
    return token[:11]
