"""`/trunks`: PBXes that call through us."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Asker, Asking, Managing, With
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Password, Text, given_password
from voipbin_sip.api.services import Services
from voipbin_sip.resources.kinds.telephony import StoredTrunk, TrunkResource

router = APIRouter(prefix="/trunks", tags=["trunks"])


class TrunkChange(Body):
    """What may change."""

    name: Text = ""
    detail: Text = ""
    auth_types: list[Literal["basic", "ip"]] = Field(default=[])
    username: Text = ""
    password: Annotated[Password, Field(description="empty: it stays as it is")] = ""
    allowed_ips: list[str] = Field(default=[], max_length=1000)


class NewTrunk(TrunkChange):
    """A trunk to make."""

    domain_name: Annotated[str, Field(description="its calls go to <domain_name>.trunk.<domain>")]


def _shown(found: Services, who: Asker, trunk: StoredTrunk) -> StoredTrunk:
    return found.directory.shown(trunk, secrets=who.manages)


@router.get("", response_model=Page[TrunkResource])
async def list_trunks(found: With, who: Managing, paging: Paging) -> Page[StoredTrunk]:
    """List trunks."""
    page = found.catalogue.page(StoredTrunk, before=paging.before, size=paging.size)
    return paging.page([_shown(found, who, trunk) for trunk in page])


@router.post("", response_model=TrunkResource)
async def create_trunk(found: With, who: Managing, body: NewTrunk) -> StoredTrunk:
    """Make a trunk. With an empty `auth_types` nobody can use it yet."""
    fields, password = given_password(body)
    trunk = StoredTrunk(customer_id=who.customer_id, **fields)
    return _shown(found, who, await found.setup.add(trunk, "trunk_created", password=password))


@router.get("/{trunk_id}", response_model=TrunkResource)
async def get_trunk(found: With, who: Asking, trunk_id: UUID) -> StoredTrunk:
    """Return a trunk; managers see its password."""
    return _shown(found, who, found.catalogue.get(StoredTrunk, trunk_id))


@router.put("/{trunk_id}", response_model=TrunkResource)
async def update_trunk(found: With, who: Managing, trunk_id: UUID, body: TrunkChange) -> StoredTrunk:
    """Change a trunk."""
    fields, password = given_password(body)
    changed = await found.setup.change(StoredTrunk, trunk_id, "trunk_updated", password=password, **fields)
    return _shown(found, who, changed)


@router.delete("/{trunk_id}", response_model=TrunkResource)
async def delete_trunk(found: With, who: Managing, trunk_id: UUID) -> StoredTrunk:
    """Delete a trunk; it cannot call any more."""
    return await found.catalogue.delete(StoredTrunk, trunk_id, "trunk_deleted")
