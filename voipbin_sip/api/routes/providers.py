"""`/providers`: carriers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from voipbin_sip.api.auth import Administering, Asker, Managing, With
from voipbin_sip.api.errors import conflict
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Password, Text, Whole, given_password
from voipbin_sip.api.services import Services
from voipbin_sip.resources.kinds.telephony import ProviderResource, StoredProvider

router = APIRouter(prefix="/providers", tags=["providers"])


class ProviderChange(Body):
    """What may change."""

    type: Literal["", "sip"] = "sip"
    hostname: Annotated[str, Field(max_length=300)] = ""
    tech_prefix: str = ""
    tech_postfix: str = ""
    tech_headers: dict[str, str] = Field(default={})
    codecs: str = ""
    name: Text = ""
    detail: Text = ""
    # Ours: how it is reached, what it is told of us, where its calls come from.
    transport: Literal["udp", "tcp", "tls"] = "udp"
    username: Text = ""
    password: Annotated[Password, Field(description="empty: it stays as it is")] = ""
    register_seconds: Annotated[Whole, Field(ge=0, le=86_400, description="0: no registration")] = 0
    probe: Annotated[Whole, Field(ge=0, le=3600, description="seconds between two OPTIONS, 0: none")] = 30
    allowed_ips: list[str] = Field(default=[], max_length=1000)


class NewProvider(ProviderChange):
    """A carrier to make."""

    hostname: Annotated[str, Field(max_length=300)]


class ProviderSetup(Body):
    """A carrier whose own interface would be asked for a trunk."""

    carrier: str = ""


def _shown(found: Services, who: Asker, provider: StoredProvider) -> StoredProvider:
    return found.directory.shown(provider, secrets=who.manages)


@router.get("", response_model=Page[ProviderResource])
async def list_providers(found: With, who: Managing, paging: Paging) -> Page[StoredProvider]:
    """List carriers with their health."""
    page = found.catalogue.page(StoredProvider, before=paging.before, size=paging.size)
    return paging.page([_shown(found, who, provider) for provider in page])


@router.post("", response_model=ProviderResource)
async def create_provider(found: With, who: Administering, body: NewProvider) -> StoredProvider:
    """Make a carrier. Calls go out by it once a route leads to it and `outbound.allow` names their numbers."""
    fields, password = given_password(body)
    provider = StoredProvider(customer_id=who.customer_id, **fields | {"type": "sip"})
    return _shown(found, who, await found.setup.add(provider, "provider_created", password=password))


@router.post("/setup", response_model=ProviderResource)
async def set_provider_up(found: With, who: Administering, body: ProviderSetup) -> StoredProvider:
    """Refuse: this server is a customer of no carrier. `POST /providers` takes what the carrier has given."""
    raise conflict(
        "this server has no account with a carrier; get a SIP trunk there and enter it with POST /providers",
        "CARRIER_NOT_SUPPORTED",
    )


@router.get("/{provider_id}", response_model=ProviderResource)
async def get_provider(found: With, who: Managing, provider_id: UUID) -> StoredProvider:
    """Return a carrier with its health."""
    return _shown(found, who, found.catalogue.get(StoredProvider, provider_id))


@router.put("/{provider_id}", response_model=ProviderResource)
async def update_provider(
    found: With, who: Administering, provider_id: UUID, body: ProviderChange
) -> StoredProvider:
    """Change a carrier."""
    fields, password = given_password(body)
    fields.pop("type", None)
    changed = await found.setup.change(
        StoredProvider, provider_id, "provider_updated", password=password, **fields
    )
    return _shown(found, who, changed)


@router.delete("/{provider_id}", response_model=ProviderResource)
async def delete_provider(found: With, who: Administering, provider_id: UUID) -> StoredProvider:
    """Delete a carrier; no call goes out by it any more."""
    return await found.catalogue.delete(StoredProvider, provider_id, "provider_deleted")
