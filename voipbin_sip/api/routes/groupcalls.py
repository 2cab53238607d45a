"""`/groupcalls`: several calls for one purpose, all at once or one after the other."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.living import Calling, payer
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.actions import Actions, as_sent
from voipbin_sip.api.routes.addresses import Address, Destinations, fields
from voipbin_sip.api.routes.body import Body
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.call import GroupcallResource
from voipbin_sip.resources.kinds.fields import Id

router = APIRouter(prefix="/groupcalls", tags=["groupcalls"])


class NewGroupcall(Body):
    """A groupcall to place."""

    source: Address = Address()
    destinations: Destinations
    flow_id: Id = NO_UUID
    actions: Actions = Field(default=[])
    ring_method: Literal["", "ring_all", "linear"] = ""
    answer_method: Literal["", "hangup_others"] = ""


@router.get("")
async def list_groupcalls(found: With, who: Asking, paging: Paging) -> Page[GroupcallResource]:
    """List groupcalls."""
    return paging.page(await found.history.page(GroupcallResource, before=paging.before, size=paging.size))


@router.post("")
async def create_groupcall(live: Calling, who: Managing, body: NewGroupcall) -> GroupcallResource:
    """Call several destinations; who answers runs the flow. Answers at once, while they ring.

    `answer_method` hangup_others: the first answer ends the other calls; empty: everybody who answers is served.
    """
    order = live.placing.order(
        body.flow_id,
        as_sent(body.actions),
        source=body.source.field(),
        destinations=fields(body.destinations),
        private=False,
        payer=payer(who),
    )
    return await live.placing.groupcall(
        order, linear=body.ring_method == "linear", hang_up_others=body.answer_method == "hangup_others"
    )


@router.get("/{groupcall_id}")
async def get_groupcall(found: With, who: Asking, groupcall_id: UUID) -> GroupcallResource:
    """Return a groupcall."""
    if found.live is not None:
        return await found.live.groupcalls.get(groupcall_id)
    return await found.history.get(GroupcallResource, groupcall_id)


@router.post("/{groupcall_id}/hangup")
async def hang_up(live: Calling, who: Managing, groupcall_id: UUID) -> GroupcallResource:
    """End all calls of a groupcall."""
    return await live.groupcalls.hang_up(groupcall_id)


@router.delete("/{groupcall_id}")
async def delete_groupcall(live: Calling, who: Managing, groupcall_id: UUID) -> GroupcallResource:
    """End a groupcall if it goes on, and delete its record."""
    return await live.groupcalls.delete(groupcall_id)
