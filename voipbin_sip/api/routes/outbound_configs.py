"""`/outbound_config` and `/outbound_configs`: what may be called outside; there is one at most.

It narrows what `outbound` in the configuration allows, and never widens it.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from voipbin_sip.api.auth import Administering, Asking, With
from voipbin_sip.api.errors import ApiError
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Text
from voipbin_sip.api.services import Services
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.kinds.telephony import OutboundConfigResource

router = APIRouter(prefix="/outbound_configs", tags=["outbound config"])
own = APIRouter(prefix="/outbound_config", tags=["outbound config"])


class OutboundConfigBody(Body):
    """What may change."""

    name: Text = ""
    detail: Text = ""
    destination_whitelist: Annotated[
        list[str] | None, Field(max_length=300, description="ISO 3166 alpha-2; empty: no number outside")
    ] = None
    codecs: Annotated[str | None, Field(description="offered to SIP addresses, like PCMU,PCMA")] = None
    default_outgoing_source_number_id: Id = NO_UUID

    def fields(self) -> dict[str, Any]:
        """Return what is given; null leaves a field as it is."""
        given = {name: value for name, value in self.given().items() if value is not None}
        if "destination_whitelist" in given:
            given["destination_whitelist"] = [country.lower() for country in given["destination_whitelist"]]
        return given


def _one(found: Services) -> OutboundConfigResource:
    configs = found.catalogue.all(OutboundConfigResource)
    if not configs:
        raise ApiError(
            "NOT_FOUND",
            "OUTBOUND_CONFIG_NOT_FOUND",
            "there is no outbound config yet; make one with POST /outbound_configs",
        )
    return configs[-1]


@own.get("")
async def get_outbound_config(found: With, who: Asking) -> OutboundConfigResource:
    """Return the outbound config."""
    return _one(found)


@own.put("")
async def update_outbound_config(
    found: With, who: Administering, body: OutboundConfigBody
) -> OutboundConfigResource:
    """Change the outbound config."""
    return await found.setup.change(
        OutboundConfigResource, _one(found).id, "outbound_config_updated", **body.fields()
    )


@router.get("")
async def list_outbound_configs(
    found: With, who: Asking, paging: Paging, customer_id: Annotated[str, Query()] = ""
) -> Page[OutboundConfigResource]:
    """List the outbound config."""
    return paging.page(found.catalogue.page(OutboundConfigResource, before=paging.before, size=paging.size))


@router.post("")
async def create_outbound_config(
    found: With, who: Administering, body: OutboundConfigBody
) -> OutboundConfigResource:
    """Make the outbound config. From then on only numbers of countries in its whitelist can be called."""
    config = OutboundConfigResource(customer_id=who.customer_id, **body.fields())
    return await found.setup.add(config, "outbound_config_created")


@router.get("/{config_id}")
async def get_outbound_config_by_id(found: With, who: Asking, config_id: UUID) -> OutboundConfigResource:
    """Return an outbound config."""
    return found.catalogue.get(OutboundConfigResource, config_id)


@router.put("/{config_id}")
async def update_outbound_config_by_id(
    found: With, who: Administering, config_id: UUID, body: OutboundConfigBody
) -> OutboundConfigResource:
    """Change an outbound config."""
    return await found.setup.change(
        OutboundConfigResource, config_id, "outbound_config_updated", **body.fields()
    )


@router.delete("/{config_id}")
async def delete_outbound_config(found: With, who: Administering, config_id: UUID) -> OutboundConfigResource:
    """Delete an outbound config: what the configuration of the server allows counts again."""
    return await found.catalogue.delete(OutboundConfigResource, config_id, "outbound_config_deleted")
