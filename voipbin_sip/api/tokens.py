"""Tokens of agents (JWT, HS256) and passwords (Argon2id)."""

from __future__ import annotations

import asyncio
import time
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from voipbin_sip.api.signed import Signed

LIFE = 7 * 86_400  # seconds
AUDIENCE = "voipbin-api"


class Tokens:
    """Makes and reads the tokens of logins."""

    def __init__(self, secret: bytes) -> None:
        self._signed = Signed(secret, AUDIENCE)

    def make(self, agent_id: UUID, now: float | None = None) -> str:
        """Return a token of an agent."""
        issued = int(time.time() if now is None else now)
        return self._signed.make(str(agent_id), issued + LIFE, iat=issued)

    def agent(self, token: str) -> UUID | None:
        """Return whose token it is; None for one that is not ours or has expired."""
        claims = self._signed.read(token)
        return None if claims is None else UUID(claims["sub"])


async def hash_password(password: str) -> str:
    """Return what is kept of a password. In a thread: it is slow on purpose."""
    return await asyncio.to_thread(PasswordHasher().hash, password)


async def password_fits(kept: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed; takes as long where there is none."""
    return await asyncio.to_thread(_fits, kept, password)


def _fits(kept: str | None, password: str) -> bool:
    try:
        return PasswordHasher().verify(kept or _nobody(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    """Return what is checked where there is no such user, so that the answer takes as long as for a wrong password."""
    return PasswordHasher().hash("nobody has this password")
