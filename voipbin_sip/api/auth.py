"""Who asks: an access key or an agent's token, looked for where VoIPBIN's clients put them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hmac import compare_digest
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection

from voipbin_sip.api.errors import ApiError
from voipbin_sip.api.services import Services
from voipbin_sip.resources.base import DEFAULT_CUSTOMER, NO_UUID
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.kinds.accesskey import PREFIX, StoredAccesskey, token_hash
from voipbin_sip.resources.kinds.agent import Permission, StoredAgent

MANAGERS = Permission.ADMIN | Permission.MANAGER


@dataclass(frozen=True, slots=True)
class Asker:
    """Who a request is from, and what they may do."""

    customer_id: UUID
    permission: Permission
    agent_id: UUID = NO_UUID
    accesskey_id: UUID = NO_UUID
    is_operator: bool = False  # a command on the server's own machine (`observe.running`)

    def may(self, wanted: Permission) -> bool:
        """Whether one of the wanted permissions is there."""
        return bool(self.permission & wanted)

    @property
    def manages(self) -> bool:
        """Whether they configure things, and see passwords."""
        return self.may(MANAGERS)


def services(connection: HTTPConnection) -> Services:
    """Return what the routes work with."""
    found: Services = connection.app.state.services
    return found


async def asker(connection: HTTPConnection) -> Asker:
    """Find out who asks. Raises ApiError(401)."""
    found = services(connection)
    cookies, query = connection.cookies, connection.query_params
    scheme, _, given = connection.headers.get("authorization", "").partition(" ")
    scheme, given = scheme.lower(), given.strip()
    bearer = given if scheme == "bearer" and not given.startswith(PREFIX) else ""
    if token := cookies.get("token") or query.get("token") or bearer:
        return _agent(found, token)
    key = given if scheme == "accesskey" or (scheme == "bearer" and given.startswith(PREFIX)) else ""
    if token := cookies.get("accesskey") or query.get("accesskey") or key:
        return await _accesskey(found, token)
    raise ApiError(
        "UNAUTHENTICATED",
        "AUTHENTICATION_REQUIRED",
        "give an access key (?accesskey=…) or log in; `voipbin-sip accesskey create` makes a key",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _agent(found: Services, token: str) -> Asker:
    id_ = found.tokens.agent(token)
    try:
        agent = found.catalogue.get(StoredAgent, id_) if id_ is not None else None
    except NotFound:
        agent = None
    if agent is None or agent.tm_delete is not None:
        raise _refused()
    return Asker(agent.customer_id, Permission(agent.permission), agent_id=agent.id)


async def _accesskey(found: Services, token: str) -> Asker:
    if found.observed is not None and compare_digest(token.encode(), found.observed.own_key.encode()):
        return Asker(DEFAULT_CUSTOMER, Permission.ADMIN, is_operator=True)
    key = _known_key(found, token)
    if key is None:  # the command line may have made it meanwhile
        await found.new_keys(partial(found.catalogue.load, StoredAccesskey))
        key = _known_key(found, token)
    if key is None or (key.tm_expire is not None and key.tm_expire <= datetime.now(UTC)):
        raise _refused()
    return Asker(key.customer_id, Permission.ADMIN, accesskey_id=key.id)


def _known_key(found: Services, token: str) -> StoredAccesskey | None:
    digest = token_hash(token)  # digests may be compared by their bytes: nobody can choose them
    return next((key for key in found.catalogue.all(StoredAccesskey) if key.token_hash == digest), None)


def _refused() -> ApiError:
    return ApiError(
        "UNAUTHENTICATED",
        "INVALID_CREDENTIALS",
        "the key or token is unknown or has expired",
        headers={"WWW-Authenticate": "Bearer"},
    )


def permitted(wanted: Permission) -> Callable[[Asker], Coroutine[Any, Any, Asker]]:
    """Return a dependency that lets only those through who have one of the wanted permissions."""

    async def check(who: Asking) -> Asker:
        if not who.may(wanted):
            raise ApiError("PERMISSION_DENIED", "PERMISSION_DENIED", "your permissions do not allow this")
        return who

    return check


Asking = Annotated[Asker, Depends(asker)]
Managing = Annotated[Asker, Depends(permitted(MANAGERS))]
Administering = Annotated[Asker, Depends(permitted(Permission.ADMIN))]
With = Annotated[Services, Depends(services)]
