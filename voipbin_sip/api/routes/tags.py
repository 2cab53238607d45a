"""`/tags`."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Text
from voipbin_sip.resources.kinds.tag import Tag

router = APIRouter(prefix="/tags", tags=["tags"])


class TagBody(Body):
    """A label's fields."""

    name: Text = ""
    detail: Text = ""


@router.get("")
async def list_tags(found: With, who: Asking, paging: Paging) -> Page[Tag]:
    """List tags."""
    return paging.page(found.catalogue.page(Tag, before=paging.before, size=paging.size))


@router.post("")
async def create_tag(found: With, who: Managing, body: TagBody) -> Tag:
    """Make a tag."""
    return await found.catalogue.create(Tag(customer_id=who.customer_id, **body.given()), "tag_created")


@router.get("/{tag_id}")
async def get_tag(found: With, who: Asking, tag_id: UUID) -> Tag:
    """Return a tag."""
    return found.catalogue.get(Tag, tag_id)


@router.put("/{tag_id}")
async def update_tag(found: With, who: Managing, tag_id: UUID, body: TagBody) -> Tag:
    """Change a tag."""
    return await found.catalogue.update(Tag, tag_id, "tag_updated", **body.given())


@router.delete("/{tag_id}")
async def delete_tag(found: With, who: Managing, tag_id: UUID) -> Tag:
    """Delete a tag."""
    return await found.catalogue.delete(Tag, tag_id, "tag_deleted")
