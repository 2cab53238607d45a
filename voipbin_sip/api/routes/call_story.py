"""`/timelines/calls/{id}/story`: all that is kept of what a call did, in one answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from voipbin_sip.api.auth import Asking, With
from voipbin_sip.api.routes.calls_seen import LiveCall, recent_sound
from voipbin_sip.api.services import Services
from voipbin_sip.events.record import Part
from voipbin_sip.platform.overview import rows_of
from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.kinds.call import CallResource, GroupcallResource
from voipbin_sip.resources.kinds.flow import ActiveflowResource
from voipbin_sip.resources.kinds.recording import RecordingResource
from voipbin_sip.resources.stamps import Stamp

router = APIRouter(tags=["timelines"])
MAX_LEGS = 50
MAX_RUNS = 20
MAX_STEPS = 500  # the newest ones of each run
R = TypeVar("R", bound=Resource)
_END = datetime(9999, 12, 31, tzinfo=UTC)

Relation = Literal["placed for it", "it was placed for", "rang beside it"]


class Leg(BaseModel):
    """Another call that belongs to it."""

    relation: Relation
    call: CallResource


class Digit(BaseModel):
    """A digit that its phone has sent."""

    timestamp: Stamp
    digit: str


class CallStory(BaseModel):
    """A call: itself, the calls that belong to it, the steps of its flows, its digits and recordings."""

    call: CallResource
    flow: str  # the name of the flow, empty: none
    legs: list[Leg]
    live: list[LiveCall]  # of these calls, those that go on
    steps: list[dict[str, Any]]  # the data of `activeflow_step` events, the oldest first
    steps_left_out: int  # older ones
    digits: list[Digit]
    recordings: list[RecordingResource]
    notes: list[str]  # what went wrong for it beside its steps: mails that were not taken


@router.get("/timelines/calls/{call_id}/story")
async def get_story(found: With, who: Asking, call_id: UUID) -> CallStory:
    """Show what a call did: its steps, digits, recordings, and the calls that belong to it."""
    call = await found.history.get(CallResource, call_id)
    steps, left_out = await _steps(found, call_id)
    legs = await _legs(found, call)
    live = (
        []
        if found.live is None
        else rows_of(found.live.means, [call_id, *(leg.call.id for leg in legs)], recent_sound(found))
    )
    return CallStory(
        call=call,
        flow=_flow(found, call, steps),
        legs=legs,
        live=[LiveCall.model_validate(row) for row in live],
        steps=steps,
        steps_left_out=left_out,
        digits=await _digits(found, call_id),
        recordings=[*reversed(await _about(found, RecordingResource, call_id, MAX_LEGS))],
        notes=[] if found.observed is None else [*found.observed.mail_faults.of(str(call_id))],
    )


async def _about(found: Services, kind: type[R], call_id: UUID, size: int) -> Sequence[R]:
    return await found.history.page(kind, before=_END, size=size, reference_id=call_id)


async def _steps(found: Services, call_id: UUID) -> tuple[list[dict[str, Any]], int]:
    """Return the steps of all runs on a call and after it, and how many older ones are left out."""
    steps: list[dict[str, Any]] = []
    left_out = 0
    runs = await _about(found, ActiveflowResource, call_id, MAX_RUNS)
    for run in reversed(runs):
        newest: deque[dict[str, Any]] = deque(maxlen=MAX_STEPS)
        async for event in found.record.since(0, Part("activeflow_id", run.id)):
            if event.type == "activeflow_step":
                left_out += len(newest) == MAX_STEPS
                newest.append(event.data)
        steps += newest
    return steps, left_out


async def _digits(found: Services, call_id: UUID) -> list[Digit]:
    return [
        Digit(timestamp=event.time, digit=str(event.data.get("digit", "")))
        async for event in found.record.since(0, Part("resource_id", call_id))
        if event.type == "dtmf_received"
    ]


async def _legs(found: Services, call: CallResource) -> list[Leg]:
    """Return the calls that belong to one, each once, the oldest first."""
    ids: dict[UUID, Relation] = {call.master_call_id: "it was placed for"}
    placed = [placed.id for placed in await _about(found, CallResource, call.id, MAX_LEGS)]
    for id_ in (*call.chained_call_ids, *reversed(placed)):
        ids.setdefault(id_, "placed for it")
    if call.groupcall_id.int:
        try:
            group = await found.history.get(GroupcallResource, call.groupcall_id)
            for id_ in group.call_ids:
                ids.setdefault(id_, "rang beside it")
        except NotFound:
            pass  # deleted by the API
    legs = []
    for id_, relation in [*ids.items()][: MAX_LEGS + 1]:
        if not id_.int or id_ == call.id:
            continue
        try:
            legs.append(Leg(relation=relation, call=await found.history.get(CallResource, id_)))
        except NotFound:
            continue  # too old, or deleted
    return sorted(legs, key=lambda leg: (leg.call.tm_create or _END, str(leg.call.id)))


def _flow(found: Services, call: CallResource, steps: list[dict[str, Any]]) -> str:
    flow = found.flows.find(call.flow_id) if call.flow_id.int else None
    if flow is not None:
        return flow.name
    return str(steps[0]["flow"]) if steps else ""
