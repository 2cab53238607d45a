"""`/accesskeys`: the token is shown once, in the answer that makes the key."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Administering, With
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Text, Whole
from voipbin_sip.resources.kinds.accesskey import YEAR, Accesskey, StoredAccesskey, make_accesskey

router = APIRouter(prefix="/accesskeys", tags=["accesskeys"])
TEN_YEARS = 10 * YEAR


class AccesskeyNames(Body):
    """What may change."""

    name: Text = ""
    detail: Text = ""


class NewAccesskey(AccesskeyNames):
    """A key to make; `expire` in seconds from now."""

    expire: Annotated[Whole, Field(ge=0, le=TEN_YEARS)] = YEAR


@router.get("", response_model=Page[Accesskey])
async def list_accesskeys(found: With, who: Administering, paging: Paging) -> Page[StoredAccesskey]:
    """List keys, without their tokens."""
    return paging.page(found.catalogue.page(StoredAccesskey, before=paging.before, size=paging.size))


@router.post("")
async def create_accesskey(found: With, who: Administering, body: NewAccesskey) -> Accesskey:
    """Make a key; this answer is the only one that holds its token."""
    key, token = make_accesskey(body.name, body.detail, expire=body.expire, customer_id=who.customer_id)
    made = await found.catalogue.create(key, "accesskey_created")
    return Accesskey.model_validate(made.public() | {"token": token})


@router.get("/{accesskey_id}", response_model=Accesskey)
async def get_accesskey(found: With, who: Administering, accesskey_id: UUID) -> StoredAccesskey:
    """Return a key, without its token."""
    return found.catalogue.get(StoredAccesskey, accesskey_id)


@router.put("/{accesskey_id}", response_model=Accesskey)
async def update_accesskey(
    found: With, who: Administering, accesskey_id: UUID, body: AccesskeyNames
) -> StoredAccesskey:
    """Change a key's name and detail."""
    return await found.catalogue.update(StoredAccesskey, accesskey_id, "accesskey_updated", **body.given())


@router.delete("/{accesskey_id}", response_model=Accesskey)
async def delete_accesskey(found: With, who: Administering, accesskey_id: UUID) -> StoredAccesskey:
    """Delete a key: it works no longer."""
    return await found.catalogue.delete(StoredAccesskey, accesskey_id, "accesskey_deleted")
