"""Flows as the API keeps them, and their runs."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from voipbin_sip.resources.base import NO_UUID, Links, Resource
from voipbin_sip.resources.kinds.customer import WebhookMethod
from voipbin_sip.resources.kinds.fields import Id

ReferenceType = Literal[
    "", "ai", "api", "call", "campaign", "conversation", "transcribe", "recording", "webchat"
]


class FlowResource(Resource):
    """A flow: a list of actions (each an object with `id`, `next_id`, `type`, `option`)."""

    kind: ClassVar[str] = "flow"

    type: str = "flow"
    name: str = ""
    detail: str = ""
    actions: list[dict[str, Any]] = Field(default=[])
    on_complete_flow_id: Id = NO_UUID
    direct_hash: str = ""


class ActiveflowResource(Resource):
    """A run of a flow."""

    kind: ClassVar[str] = "activeflow"

    flow_id: UUID = NO_UUID
    status: Literal["", "running", "ended"] = ""
    reference_type: ReferenceType = ""
    reference_id: UUID = NO_UUID
    reference_activeflow_id: UUID = NO_UUID
    on_complete_flow_id: UUID = NO_UUID
    current_action: dict[str, Any] = Field(default={})
    forward_action_id: UUID = NO_UUID
    executed_actions: list[dict[str, Any]] = Field(default=[])
    webhook_uri: str = ""
    webhook_method: WebhookMethod = ""

    def links(self) -> Links:
        """Return itself as the run, and what it runs on."""
        return Links(activeflow_id=self.id, reference_id=self.reference_id)
