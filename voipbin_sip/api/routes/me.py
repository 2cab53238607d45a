"""`/me`: who asks."""

from __future__ import annotations

from fastapi import APIRouter

from voipbin_sip.api.auth import Asking, With
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.agent import Agent, StoredAgent

router = APIRouter(prefix="/me", tags=["me"])


@router.get("", response_model=Agent)
async def get_me(found: With, who: Asking) -> Agent:
    """Return the agent that is logged in; for an access key, one that stands for it."""
    if who.agent_id == NO_UUID:
        return Agent(
            id=who.accesskey_id, customer_id=who.customer_id, name="accesskey", permission=int(who.permission)
        )
    return found.catalogue.get(StoredAgent, who.agent_id)
