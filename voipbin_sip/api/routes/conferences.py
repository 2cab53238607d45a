"""`/conferences`: rooms that people call into."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Json, Text, Whole
from voipbin_sip.api.services import Services
from voipbin_sip.platform.direct import new_hash
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.fields import Id

router = APIRouter(prefix="/conferences", tags=["conferences"])
DAY = 86_400
SHORTEST = 60  # seconds; who asks for less gets a day


class ConferenceChange(Body):
    """What may change."""

    name: Text = ""
    detail: Text = ""
    data: dict[str, Json] = Field(default={})
    timeout: Annotated[
        Whole, Field(ge=0, le=10 * 365 * DAY, description="seconds; 1 to 59 mean a day, 0 never")
    ] = 0
    pre_flow_id: Id = NO_UUID
    post_flow_id: Id = NO_UUID

    def fields(self) -> dict[str, Any]:
        """Return what is given."""
        given = self.given()
        if 0 < self.timeout < SHORTEST:
            given["timeout"] = DAY
        return given


class NewConference(ConferenceChange):
    """A conference to make; `id` may be chosen."""

    type: Literal["", "conference", "connect", "queue"] = "conference"
    id: Id = NO_UUID


@router.get("")
async def list_conferences(found: With, who: Asking, paging: Paging) -> Page[ConferenceResource]:
    """List conferences."""
    page = found.catalogue.page(ConferenceResource, before=paging.before, size=paging.size)
    return paging.page([_with_members(found, conference) for conference in page])


@router.post("")
async def create_conference(found: With, who: Managing, body: NewConference) -> ConferenceResource:
    """Make a conference; it can be joined at once."""
    fields = body.fields() | {"type": body.type or "conference", "id": body.id if body.id.int else uuid4()}
    conference = ConferenceResource(customer_id=who.customer_id, direct_hash=new_hash(), **fields)
    return await found.setup.add(conference, "conference_created")


@router.get("/{conference_id}")
async def get_conference(found: With, who: Asking, conference_id: UUID) -> ConferenceResource:
    """Return a conference."""
    return _with_members(found, found.catalogue.get(ConferenceResource, conference_id))


@router.put("/{conference_id}")
async def update_conference(
    found: With, who: Managing, conference_id: UUID, body: ConferenceChange
) -> ConferenceResource:
    """Change a conference."""
    return await found.setup.change(ConferenceResource, conference_id, "conference_updated", **body.fields())


@router.delete("/{conference_id}")
async def delete_conference(found: With, who: Managing, conference_id: UUID) -> ConferenceResource:
    """End a conference: nobody can join it any more."""
    return await found.catalogue.delete(
        ConferenceResource,
        conference_id,
        "conference_deleted",
        status="terminated",
        tm_end=datetime.now(UTC),
    )


@router.post("/{conference_id}/direct-hash-regenerate")
async def renew_conference_hash(found: With, who: Managing, conference_id: UUID) -> ConferenceResource:
    """Make anew the name under which anybody may call the conference."""
    return await found.setup.renew_hash(ConferenceResource, conference_id, "conference_updated")


def _with_members(found: Services, conference: ConferenceResource) -> ConferenceResource:
    """Return a conference with who is in it now."""
    return conference if found.live is None else found.live.recordings.shown(conference)
