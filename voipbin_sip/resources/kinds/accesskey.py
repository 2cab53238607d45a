"""Keys of programs. Only a digest of the token is kept, so it can be shown once."""

from __future__ import annotations

import hashlib
import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from voipbin_sip.resources.base import DEFAULT_CUSTOMER, Resource
from voipbin_sip.resources.stamps import Stamp

PREFIX = "vb_"
YEAR = 31_536_000  # seconds
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


def make_accesskey(
    name: str, detail: str = "", *, expire: int = YEAR, customer_id: UUID = DEFAULT_CUSTOMER
) -> tuple[StoredAccesskey, str]:
    """Return a new key, which expires so many seconds from now, and its token, which nothing else holds."""
    token = new_token()
    key = StoredAccesskey(
        customer_id=customer_id,
        name=name,
        detail=detail,
        token_prefix=shown_prefix(token),
        token_hash=token_hash(token),
        tm_expire=datetime.now(UTC) + timedelta(seconds=expire),
    )
    return key, token


def new_token() -> str:
    """Return a fresh token: `vb_` and 32 random letters and digits."""
    return PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(32))


def token_hash(token: str) -> str:
    """Return what is kept of a token. It is random enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def shown_prefix(token: str) -> str:
    """Return what people recognise a key by."""
    return token[:11]
