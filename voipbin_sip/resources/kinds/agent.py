"""People who take calls, and the permissions of whoever uses the API."""

from __future__ import annotations

from enum import IntFlag
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from voipbin_sip.resources.base import Links, Resource
from voipbin_sip.resources.kinds.fields import AddressField

AgentStatus = Literal["available", "away", "busy", "offline", "ringing", ""]
AgentRingMethod = Literal["ringall", "linear", ""]


class Permission(IntFlag):
    """VoIPBIN's permission bits."""

    NONE = 0
    PROJECT_SUPER_ADMIN = 1
    PROJECT_ALL = 15
    AGENT = 16
    ADMIN = 32
    MANAGER = 64
    CUSTOMER_ALL = 240
    ALL = 65_535


class Agent(Resource):
    """A person."""

    kind: ClassVar[str] = "agent"

    username: str = ""
    name: str = ""
    detail: str = ""
    ring_method: AgentRingMethod = "ringall"
    status: AgentStatus = "offline"
    permission: int = int(Permission.AGENT)
    tag_ids: list[UUID] = Field(default=[])
    addresses: list[AddressField] = Field(default=[])
    direct_hash: str = ""

    def links(self) -> Links:
        """Return that its own topics hear of it."""
        return Links(owner_id=self.id)


class StoredAgent(Agent):
    """An agent as it is kept."""

    hidden: ClassVar[frozenset[str]] = frozenset({"password_hash"})

    password_hash: str = ""  # Argon2id
