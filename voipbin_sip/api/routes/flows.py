"""`/flows`: what calls do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.actions import Actions, as_sent
from voipbin_sip.api.routes.body import Body, Text
from voipbin_sip.platform.flow_book import with_ids
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.kinds.flow import FlowResource

router = APIRouter(prefix="/flows", tags=["flows"])


class NewFlow(Body):
    """A flow to make."""

    name: Text = ""
    detail: Text = ""
    actions: Actions = Field(default=[])
    on_complete_flow_id: Id = NO_UUID


class FlowChange(Body):
    """What may change; runs keep the flow that they started with."""

    name: Text = ""
    detail: Text = ""
    actions: Actions = Field(default=[])
    on_complete_flow_id: Id = NO_UUID

    def fields(self) -> dict[str, Any]:
        """Return what is given, actions with their ids."""
        given = self.given()
        if "actions" in given:
            given["actions"] = with_ids(as_sent(self.actions))
        return given


@router.get("")
async def list_flows(found: With, who: Asking, paging: Paging) -> Page[FlowResource]:
    """List flows: those of YAML files and those of the API."""
    return paging.page(found.catalogue.page(FlowResource, before=paging.before, size=paging.size))


@router.post("")
async def create_flow(found: With, who: Managing, body: NewFlow) -> FlowResource:
    """Make a flow. It is checked as YAML files are; `details` of a refusal tells each fault with its path."""
    flow = FlowResource(
        customer_id=who.customer_id,
        name=body.name,
        detail=body.detail,
        actions=with_ids(as_sent(body.actions)),
        on_complete_flow_id=body.on_complete_flow_id,
    )
    return await found.setup.add(flow, "flow_created")


@router.get("/{flow_id}")
async def get_flow(found: With, who: Asking, flow_id: UUID) -> FlowResource:
    """Return a flow."""
    return found.catalogue.get(FlowResource, flow_id)


@router.put("/{flow_id}")
async def update_flow(found: With, who: Managing, flow_id: UUID, body: FlowChange) -> FlowResource:
    """Change a flow; calls that run it now are not touched."""
    return await found.setup.change(FlowResource, flow_id, "flow_updated", **body.fields())


@router.delete("/{flow_id}")
async def delete_flow(found: With, who: Managing, flow_id: UUID) -> FlowResource:
    """Delete a flow; calls that run it now go on."""
    return await found.catalogue.delete(FlowResource, flow_id, "flow_deleted")


@router.post("/{flow_id}/direct-hash-regenerate")
async def renew_flow_hash(found: With, who: Managing, flow_id: UUID) -> FlowResource:
    """Make the name under which anybody may call the flow; one that it had leads nowhere any more."""
    return await found.setup.renew_hash(FlowResource, flow_id, "flow_updated")
