"""Links to files that need no key and expire: signed names of what may be had (JWT, HS256)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args
from uuid import UUID

from voipbin_sip.api.signed import Signed

LIFE = 3600  # seconds
AUDIENCE = "voipbin-file"

Kind: TypeAlias = Literal["recording", "file"]


class Links:
    """Makes and reads them."""

    def __init__(self, secret: bytes) -> None:
        self._signed = Signed(secret, AUDIENCE)

    def make(self, kind: Kind, id_: UUID) -> tuple[str, datetime]:
        """Return a token for a file and when it expires."""
        expires = int(time.time()) + LIFE
        return self._signed.make(str(id_), expires, kind=kind), datetime.fromtimestamp(expires, UTC)

    def read(self, token: str) -> tuple[Kind, UUID] | None:
        """Return what a token is for; None for one that is not ours or has expired."""
        claims = self._signed.read(token)
        if claims is None or claims.get("kind") not in get_args(Kind):
            return None
        return claims["kind"], UUID(claims["sub"])
