"""`/activeflows`: runs of flows, begun without a call, looked up, ended and steered."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.living import Calling, payer
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.actions import Actions, as_sent
from voipbin_sip.api.routes.body import Body, Json, Switch
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.customer import WebhookMethod
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.kinds.flow import ActiveflowResource

router = APIRouter(prefix="/activeflows", tags=["activeflows"])
ActionName = Annotated[str, Field(max_length=255, description="id of a step, UUID or word")]


class NewActiveflow(Body):
    """A run to begin; `id` may be chosen."""

    id: Id = NO_UUID
    flow_id: Id = NO_UUID
    actions: Actions = Field(default=[])
    variables: dict[str, Json] = Field(default={})
    webhook_uri: Annotated[str, Field(max_length=2048)] = ""
    webhook_method: WebhookMethod = ""


class Proceed(Body):
    """Which `block` to leave; empty: the one that the run waits in."""

    action_id: ActionName = ""


class Pushed(Body):
    """Actions to run between two steps."""

    actions: Annotated[Actions, Field(min_length=1)]


class Jump(Body):
    """Where to go on."""

    forward_action_id: Annotated[ActionName, Field(min_length=1)]
    forward_now: Annotated[Switch, Field(description="cut the step in hand short; else when it is done")] = (
        False
    )


@router.get("")
async def list_activeflows(found: With, who: Asking, paging: Paging) -> Page[ActiveflowResource]:
    """List runs, those that go on too."""
    return paging.page(await found.history.page(ActiveflowResource, before=paging.before, size=paging.size))


@router.post("")
async def create_activeflow(
    found: With, live: Calling, who: Managing, body: NewActiveflow
) -> ActiveflowResource:
    """Run a flow, or actions, without a call, at once. Steps that need a call are skipped."""
    await found.customers.check_webhook(body.webhook_uri)
    flow, shown = live.activeflows.flow(body.flow_id, as_sent(body.actions))
    return await live.activeflows.start(
        flow,
        shown,
        variables=body.variables,
        payer=payer(who),
        run_id=body.id,
        webhook=(body.webhook_method, body.webhook_uri),
    )


@router.get("/{activeflow_id}")
async def get_activeflow(found: With, who: Asking, activeflow_id: UUID) -> ActiveflowResource:
    """Return a run, with the step that it is at and those that it has done."""
    return await found.history.get(ActiveflowResource, activeflow_id)


@router.delete("/{activeflow_id}", status_code=204)
async def delete_activeflow(live: Calling, who: Managing, activeflow_id: UUID) -> None:
    """End a run if it goes on, and delete its record."""
    await live.activeflows.delete(activeflow_id)


@router.post("/{activeflow_id}/stop")
async def stop_activeflow(live: Calling, who: Managing, activeflow_id: UUID) -> ActiveflowResource:
    """End a run; its call is hung up."""
    return await live.activeflows.stop(activeflow_id)


@router.post("/{activeflow_id}/continue")
async def continue_activeflow(
    live: Calling, who: Managing, activeflow_id: UUID, body: Proceed | None = None
) -> ActiveflowResource:
    """Let a run go on that waits in a `block` step."""
    return await live.activeflows.proceed(activeflow_id, body.action_id if body is not None else "")


@router.post("/{activeflow_id}/push_actions")
async def push_actions(live: Calling, who: Managing, activeflow_id: UUID, body: Pushed) -> ActiveflowResource:
    """Run actions when the step in hand is done; after them the run goes on where it was."""
    return await live.activeflows.push(activeflow_id, as_sent(body.actions))


@router.post("/{activeflow_id}/jump")
async def jump(live: Calling, who: Managing, activeflow_id: UUID, body: Jump) -> ActiveflowResource:
    """Let a run go on at another step."""
    return await live.activeflows.jump(activeflow_id, body.forward_action_id, now=body.forward_now)
