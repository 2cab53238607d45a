"""`/calls`: placed, looked up, steered. Everything here runs beside the call's flow and never moves its cursor."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.errors import invalid
from voipbin_sip.api.living import Calling, payer
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.actions import Actions, as_sent
from voipbin_sip.api.routes.addresses import Address, Destinations, fields
from voipbin_sip.api.routes.body import Body, Json
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.call import CallResource, GroupcallResource
from voipbin_sip.resources.kinds.fields import Id

router = APIRouter(prefix="/calls", tags=["calls"])
MAX_TEXT = 5000  # characters


class NewCalls(Body):
    """Calls to place: to each destination one."""

    flow_id: Id = NO_UUID
    actions: Actions = Field(default=[])
    source: Address = Address()
    destinations: Destinations
    anonymous: Annotated[str, Field(description="yes, no, auto or empty")] = ""
    variables: dict[str, Json] = Field(default={})


class Placed(BaseModel):
    """What was placed."""

    calls: list[CallResource]
    groupcalls: list[GroupcallResource]


class Muting(Body):
    """Which side."""

    direction: Annotated[
        Literal["", "in", "out", "both"],
        Field(description="in: what the call says; out: what it would hear; empty: both"),
    ] = ""


class Talk(Body):
    """What to say."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="plain text or SSML")]
    language: Annotated[str, Field(max_length=35)] = ""
    provider: Annotated[str, Field(max_length=64)] = ""
    voice_id: Annotated[str, Field(max_length=255)] = ""


@router.get("")
async def list_calls(found: With, who: Asking, paging: Paging) -> Page[CallResource]:
    """List calls, those that go on too."""
    return paging.page(await found.history.page(CallResource, before=paging.before, size=paging.size))


@router.post("")
async def create_calls(live: Calling, who: Managing, body: NewCalls) -> Placed:
    """Place calls; each runs the flow, or the actions, when it is answered. Answers at once, while they ring.

    A destination that cannot be called is passed over; it is an error only where no other one can.
    """
    if body.anonymous not in ("", "yes", "no", "auto"):
        raise invalid("anonymous must be yes, no, auto or empty", "INVALID_ANONYMOUS_VALUE")
    order = live.placing.order(
        body.flow_id,
        as_sent(body.actions),
        source=body.source.field(),
        destinations=fields(body.destinations),
        private=body.anonymous == "yes",
        payer=payer(who),
        variables=body.variables,
    )
    calls, groupcalls = await live.placing.calls(order)
    return Placed(calls=calls, groupcalls=groupcalls)


@router.get("/{call_id}")
async def get_call(found: With, who: Asking, call_id: UUID) -> CallResource:
    """Return a call."""
    if found.live is not None:
        return await found.live.calls.get(call_id)
    return await found.history.get(CallResource, call_id)


@router.delete("/{call_id}")
async def delete_call(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """End a call if it goes on, and delete its record."""
    return await live.calls.delete(call_id)


@router.post("/{call_id}/hangup")
async def hang_up(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """End a call."""
    return await live.calls.hang_up(call_id)


@router.post("/{call_id}/hold")
async def hold(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """Put the phone on hold (re-INVITE with sendonly); it hears music."""
    return await live.calls.hold(call_id, on=True)


@router.delete("/{call_id}/hold")
async def unhold(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """Take the phone back from hold (re-INVITE with sendrecv)."""
    return await live.calls.hold(call_id, on=False)


@router.post("/{call_id}/moh")
async def begin_music(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """Play music to the call; it is still heard itself."""
    return await live.calls.music(call_id, on=True)


@router.delete("/{call_id}/moh")
async def end_music(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """End the music."""
    return await live.calls.music(call_id, on=False)


@router.post("/{call_id}/silence")
async def begin_silence(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """Let the call hear nothing, in steady packets."""
    return await live.calls.silence(call_id, on=True)


@router.delete("/{call_id}/silence")
async def end_silence(live: Calling, who: Managing, call_id: UUID) -> CallResource:
    """Let the call hear again."""
    return await live.calls.silence(call_id, on=False)


@router.post("/{call_id}/mute")
async def mute(live: Calling, who: Managing, call_id: UUID, body: Muting | None = None) -> CallResource:
    """Mute a side of the call: what it says (in), what it would hear (out), or both."""
    return await live.calls.mute(call_id, body.direction if body is not None else "", on=True)


@router.delete("/{call_id}/mute")
async def unmute(live: Calling, who: Managing, call_id: UUID, body: Muting | None = None) -> CallResource:
    """Mute a side no longer; of both sides muted, the other one stays so."""
    return await live.calls.mute(call_id, body.direction if body is not None else "", on=False)


@router.post("/{call_id}/talk")
async def talk(live: Calling, who: Managing, call_id: UUID, body: Talk) -> CallResource:
    """Speak to the call beside its flow; a call that came in and is not answered yet is answered."""
    return await live.calls.talk(
        call_id,
        body.text,
        language=body.language or "en-US",
        provider=body.provider,
        voice_id=body.voice_id,
    )
