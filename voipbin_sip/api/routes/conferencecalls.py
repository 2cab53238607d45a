"""`/conferencecalls`: calls in conferences."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.living import Calling
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.resources.kinds.conference import ConferencecallResource

router = APIRouter(prefix="/conferencecalls", tags=["conferences"])


@router.get("")
async def list_conferencecalls(found: With, who: Asking, paging: Paging) -> Page[ConferencecallResource]:
    """List calls that are or were in conferences."""
    return paging.page(
        await found.history.page(ConferencecallResource, before=paging.before, size=paging.size)
    )


@router.get("/{conferencecall_id}")
async def get_conferencecall(found: With, who: Asking, conferencecall_id: UUID) -> ConferencecallResource:
    """Return a call in a conference."""
    return await found.history.get(ConferencecallResource, conferencecall_id)


@router.delete("/{conferencecall_id}")
async def kick(live: Calling, who: Managing, conferencecall_id: UUID) -> ConferencecallResource:
    """Put a call out of its conference; the call's flow goes on."""
    return await live.conferences.kick(conferencecall_id)
