"""Links to files that need no key and expire: signed names of what may be had (JWT, HS256)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Literal, TypeAlias
from uuid import UUID

import jwt

LIFE = 3600  # seconds
AUDIENCE = "voipbin-file"

Kind: TypeAlias = Literal["recording", "file"]


class Links:
    """Makes and reads them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, kind: Kind, id_: UUID) -> tuple[str, datetime]:
        """Return a token for a file and when it expires."""
        expires = int(time.time()) + LIFE
        claims = {"sub": str(id_), "kind": kind, "aud": AUDIENCE, "exp": expires}
        return jwt.encode(claims, self._secret, algorithm="HS256"), datetime.fromtimestamp(expires, UTC)

    def read(self, token: str) -> tuple[Kind, UUID] | None:
        """Return what a token is for; None for one that is not ours or has expired."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                audience=AUDIENCE,
                options={"require": ["sub", "exp", "aud"]},
            )
            kind: Kind = "recording" if claims["kind"] == "recording" else "file"
            return kind, UUID(claims["sub"])
        except (jwt.InvalidTokenError, KeyError, ValueError):
            return None
