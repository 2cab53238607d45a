"""`/auth/login`: a name and a password for a token of seven days."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from voipbin_sip.api.auth import With
from voipbin_sip.api.errors import invalid
from voipbin_sip.api.routes.body import Body, Text
from voipbin_sip.api.tokens import LIFE, password_fits
from voipbin_sip.resources.kinds.agent import StoredAgent

router = APIRouter(tags=["auth"])


class Login(Body):
    """Who logs in."""

    username: Text
    password: Text


class LoggedIn(BaseModel):
    """The token; it is in the cookie `token` too."""

    username: str
    token: str


@router.post("/login")
async def login(found: With, body: Login, response: Response) -> LoggedIn:
    """Log an agent in."""
    agent = next((a for a in found.catalogue.all(StoredAgent) if a.username == body.username), None)
    kept = None if agent is None else agent.password_hash
    if not await password_fits(kept, body.password) or agent is None:
        raise invalid("the user name or the password is wrong", "INVALID_CREDENTIALS")
    token = found.tokens.make(agent.id)
    response.set_cookie("token", token, max_age=LIFE, httponly=True, secure=True, samesite="strict")
    return LoggedIn(username=agent.username, token=token)
