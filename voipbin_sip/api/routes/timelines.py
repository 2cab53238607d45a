"""`/timelines` and `/aggregated-events`: what happened, read back."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from voipbin_sip.api.auth import Asking, With
from voipbin_sip.api.errors import invalid, not_found
from voipbin_sip.api.paging import PageQuery, Paging
from voipbin_sip.api.services import Services
from voipbin_sip.events.event import Event, event_id
from voipbin_sip.events.record import Part
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.resources.kinds.flow import ActiveflowResource
from voipbin_sip.resources.stamps import Stamp, stamp_text

router = APIRouter(tags=["timelines"])
Kind = Literal[
    "calls", "activeflows", "groupcalls", "conferences", "conferencecalls", "recordings", "transfers",
    "flows", "agents", "queues", "queuecalls",
]  # fmt: skip


class PastEvent(BaseModel):
    """Something that happened."""

    id: int  # ours: websockets can go on after it
    timestamp: Stamp
    event_type: str
    resource_id: UUID
    data: dict[str, Any]


class PastEvents(BaseModel):
    """A page of events, the newest first; an empty one is the end."""

    result: list[PastEvent]
    next_page_token: str


@router.get("/timelines/{resource_type}/{resource_id}/events")
async def list_events(
    found: With, who: Asking, paging: Paging, resource_type: Kind, resource_id: UUID
) -> PastEvents:
    """List the events of a resource, also those that webhooks do not get: steps of flows, digits."""
    page = await _page(found, paging, Part("resource_id", resource_id))
    if not page.result and not await found.record.before(_LAST, Part("resource_id", resource_id), 1):
        raise not_found(resource_type.removesuffix("s"), resource_id)
    return page


@router.get("/aggregated-events")
async def list_aggregated_events(
    found: With,
    who: Asking,
    paging: Paging,
    activeflow_id: Annotated[UUID | None, Query()] = None,
    call_id: Annotated[UUID | None, Query()] = None,
) -> PastEvents:
    """List all events of a run: of the run itself, its call, recordings …; or of the run of a call."""
    if (activeflow_id is None) == (call_id is None):
        raise invalid("give either activeflow_id or call_id", "MISSING_REQUEST_PARAMETER")
    if activeflow_id is not None:
        await found.history.get(ActiveflowResource, activeflow_id)
        return await _page(found, paging, Part("activeflow_id", activeflow_id))
    assert call_id is not None
    call = await found.history.get(CallResource, call_id)
    if call.activeflow_id == NO_UUID:
        return await _page(found, paging, Part("resource_id", call_id))
    return await _page(found, paging, Part("activeflow_id", call.activeflow_id))


_LAST = 2**62


async def _page(found: Services, paging: PageQuery, part: Part) -> PastEvents:
    events = await found.record.before(event_id(paging.before), part, paging.size)
    token = stamp_text(events[-1].time) if events else ""
    return PastEvents(result=[_past(event) for event in events], next_page_token=token)


def _past(event: Event) -> PastEvent:
    return PastEvent(
        id=event.id,
        timestamp=event.time,
        event_type=event.type,
        resource_id=event.resource_id,
        data=event.data,
    )
