"""`/agents`: people, their rights and where their phones are."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from voipbin_sip.api.auth import Asker, Asking, Managing, With
from voipbin_sip.api.errors import ApiError, invalid
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Text, Whole
from voipbin_sip.api.services import Services
from voipbin_sip.api.tokens import hash_password
from voipbin_sip.platform.direct import new_hash
from voipbin_sip.resources.kinds.agent import (
    Agent,
    AgentRingMethod,
    AgentStatus,
    Permission,
    StoredAgent,
)
from voipbin_sip.resources.kinds.fields import AddressField

router = APIRouter(prefix="/agents", tags=["agents"])
Password = Annotated[str, Field(min_length=8, max_length=1024)]
PermissionBits = Annotated[Whole, Field(ge=0, le=int(Permission.ALL))]


class AgentNames(Body):
    """What agents may change of themselves."""

    name: Text = ""
    detail: Text = ""
    ring_method: AgentRingMethod = "ringall"


class NewAgent(AgentNames):
    """An agent to make."""

    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Password
    permission: PermissionBits = int(Permission.AGENT)
    tag_ids: list[UUID] = Field(default=[])
    addresses: list[AddressField] = Field(default=[])


class Addresses(Body):
    """Where an agent can be called."""

    addresses: list[AddressField]


class TagIds(Body):
    """What an agent can do."""

    tag_ids: list[UUID]


class Status(Body):
    """Whether an agent takes calls."""

    status: AgentStatus


class Bits(Body):
    """What an agent may do with the API."""

    permission: PermissionBits


class NewPassword(Body):
    """A password."""

    password: Password


@router.get("", response_model=Page[Agent])
async def list_agents(
    found: With,
    who: Asking,
    paging: Paging,
    tag_ids: Annotated[str, Query(description="ids, with commas between: agents that have one of them")] = "",
    status: str = "",
) -> Page[StoredAgent]:
    """List agents."""
    try:
        tags = {UUID(text) for text in tag_ids.split(",") if text}
    except ValueError:
        raise invalid("tag_ids must be ids with commas between", "INVALID_REQUEST_PARAMETER") from None

    def wanted(agent: StoredAgent) -> bool:
        return (not tags or bool(tags & set(agent.tag_ids))) and status in ("", agent.status)

    return paging.page(
        found.catalogue.page(StoredAgent, before=paging.before, size=paging.size, where=wanted)
    )


@router.post("", status_code=201, response_model=Agent)
async def create_agent(found: With, who: Managing, body: NewAgent) -> StoredAgent:
    """Make an agent."""
    if any(agent.username == body.username for agent in found.catalogue.all(StoredAgent)):
        raise ApiError("ALREADY_EXISTS", "ALREADY_EXISTS", f"there is an agent {body.username!r} already")
    _may_give(who, body.permission)
    agent = StoredAgent(
        customer_id=who.customer_id,
        password_hash=await hash_password(body.password),
        direct_hash=new_hash(),
        **body.model_dump(exclude={"password"}),
    )
    return await found.catalogue.create(agent, "agent_created")


@router.get("/{agent_id}", response_model=Agent)
async def get_agent(found: With, who: Asking, agent_id: UUID) -> StoredAgent:
    """Return an agent."""
    return found.catalogue.get(StoredAgent, agent_id)


@router.delete("/{agent_id}", response_model=Agent)
async def delete_agent(found: With, who: Managing, agent_id: UUID) -> StoredAgent:
    """Delete an agent, who cannot log in any more then."""
    return await found.catalogue.delete(StoredAgent, agent_id, "agent_deleted")


@router.put("/{agent_id}", response_model=Agent)
async def update_agent(found: With, who: Asking, agent_id: UUID, body: AgentNames) -> StoredAgent:
    """Change an agent's name, detail and ring method; agents may do so for themselves."""
    return await _update(found, who, agent_id, own=True, **body.given())


@router.put("/{agent_id}/addresses", response_model=Agent)
async def update_agent_addresses(found: With, who: Asking, agent_id: UUID, body: Addresses) -> StoredAgent:
    """Change where an agent can be called."""
    return await _update(found, who, agent_id, own=True, addresses=body.addresses)


@router.put("/{agent_id}/tag_ids", response_model=Agent)
async def update_agent_tags(found: With, who: Managing, agent_id: UUID, body: TagIds) -> StoredAgent:
    """Change an agent's tags."""
    return await _update(found, who, agent_id, own=False, tag_ids=body.tag_ids)


@router.put("/{agent_id}/permission", response_model=Agent)
async def update_agent_permission(found: With, who: Managing, agent_id: UUID, body: Bits) -> StoredAgent:
    """Change what an agent may do with the API."""
    _may_give(who, body.permission)
    return await _update(found, who, agent_id, own=False, permission=body.permission)


@router.put("/{agent_id}/status", response_model=Agent)
async def update_agent_status(found: With, who: Asking, agent_id: UUID, body: Status) -> StoredAgent:
    """Say whether an agent takes calls."""
    return await _update(found, who, agent_id, own=True, event="agent_status_updated", status=body.status)


@router.put("/{agent_id}/password", response_model=Agent)
async def update_agent_password(found: With, who: Asking, agent_id: UUID, body: NewPassword) -> StoredAgent:
    """Change an agent's password."""
    kept = await hash_password(body.password)
    return await _update(found, who, agent_id, own=True, password_hash=kept)


@router.post("/{agent_id}/direct-hash-regenerate", response_model=Agent)
async def renew_agent_hash(found: With, who: Managing, agent_id: UUID) -> StoredAgent:
    """Make anew the name under which anybody may call the agent."""
    return await found.setup.renew_hash(StoredAgent, agent_id, "agent_updated")


async def _update(
    found: Services, who: Asker, agent_id: UUID, *, own: bool, event: str = "agent_updated", **fields: Any
) -> StoredAgent:
    if not who.may(Permission.ADMIN | Permission.MANAGER) and not (own and who.agent_id == agent_id):
        raise ApiError("PERMISSION_DENIED", "PERMISSION_DENIED", "only managers change other agents")
    return await found.catalogue.update(StoredAgent, agent_id, event, **fields)


def _may_give(who: Asker, permission: int) -> None:
    """Nobody gives what they do not have."""
    if not who.may(Permission.ADMIN) and permission & ~int(who.permission | Permission.AGENT):
        raise ApiError("PERMISSION_DENIED", "PERMISSION_DENIED", "you do not have these permissions yourself")
