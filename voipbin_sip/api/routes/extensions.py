"""`/extensions`: accounts of phones."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Asker, Asking, Managing, With
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Password, Text, given_password
from voipbin_sip.api.services import Services
from voipbin_sip.directory.secrets import new_password
from voipbin_sip.platform.direct import new_hash
from voipbin_sip.resources.kinds.telephony import ExtensionResource, StoredExtension

router = APIRouter(prefix="/extensions", tags=["extensions"])


class NewExtension(Body):
    """An account to make."""

    extension: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[Password, Field(description="empty: one is made")] = ""
    name: Text = ""
    detail: Text = ""


class ExtensionChange(Body):
    """What may change."""

    name: Text = ""
    detail: Text = ""
    password: Annotated[Password, Field(description="empty: it stays as it is")] = ""


def _shown(found: Services, who: Asker, extension: StoredExtension) -> StoredExtension:
    return found.directory.shown(extension, secrets=who.manages)


@router.get("", response_model=Page[ExtensionResource])
async def list_extensions(found: With, who: Asking, paging: Paging) -> Page[StoredExtension]:
    """List phones' accounts; managers see the passwords."""
    page = found.catalogue.page(StoredExtension, before=paging.before, size=paging.size)
    return paging.page([_shown(found, who, extension) for extension in page])


@router.post("", response_model=ExtensionResource)
async def create_extension(found: With, who: Managing, body: NewExtension) -> StoredExtension:
    """Make a phone's account; it can register at once."""
    extension = StoredExtension(
        customer_id=who.customer_id,
        extension=body.extension,
        username=body.extension,
        name=body.name,
        detail=body.detail,
        domain_name=found.directory.domain,
        direct_hash=new_hash(),
    )
    made = await found.setup.add(extension, "extension_created", password=body.password or new_password())
    return _shown(found, who, made)


@router.get("/{extension_id}", response_model=ExtensionResource)
async def get_extension(found: With, who: Asking, extension_id: UUID) -> StoredExtension:
    """Return a phone's account; managers see the password."""
    return _shown(found, who, found.catalogue.get(StoredExtension, extension_id))


@router.put("/{extension_id}", response_model=ExtensionResource)
async def update_extension(
    found: With, who: Managing, extension_id: UUID, body: ExtensionChange
) -> StoredExtension:
    """Change a phone's account; with a new password, its phones have to register anew."""
    fields, password = given_password(body)
    changed = await found.setup.change(
        StoredExtension, extension_id, "extension_updated", password=password, **fields
    )
    return _shown(found, who, changed)


@router.delete("/{extension_id}", response_model=ExtensionResource)
async def delete_extension(found: With, who: Managing, extension_id: UUID) -> StoredExtension:
    """Delete a phone's account; its phones are not called any more and cannot register."""
    return await found.catalogue.delete(StoredExtension, extension_id, "extension_deleted")


@router.post("/{extension_id}/direct-hash-regenerate", response_model=ExtensionResource)
async def renew_extension_hash(found: With, who: Managing, extension_id: UUID) -> StoredExtension:
    """Make anew the name under which anybody may call the phone."""
    changed = await found.setup.renew_hash(StoredExtension, extension_id, "extension_updated")
    return _shown(found, who, changed)
