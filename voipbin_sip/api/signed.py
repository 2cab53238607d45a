"""Signed claims that expire (JWT, RFC 7519, with HS256): nobody else can make them, and nothing has to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

ALGORITHM = "HS256"


class Signed:
    """Makes and reads claims for one audience, so that those for another one are worth nothing here."""

    def __init__(self, secret: bytes, audience: str) -> None:
        self._secret, self._audience = secret, audience

    def make(self, subject: str, expires: int, **claims: str | int) -> str:
        """Return a token of a subject; `expires` in seconds since 1970."""
        told = {"sub": subject, "aud": self._audience, "exp": expires, **claims}
        return jwt.encode(told, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Mapping[str, Any] | None:
        """Return what a token says; None for one that is not ours or has expired."""
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=self._audience,
                options={"require": ["sub", "exp", "aud"]},
            )
        except jwt.InvalidTokenError:
            return None
        return claims
