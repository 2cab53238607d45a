"""`/numbers` and `/available_numbers`: which number runs which flow."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.errors import ApiError
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Json, Switch, Text
from voipbin_sip.directory import VIRTUAL
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.kinds.telephony import NumberResource
from voipbin_sip.resources.stamps import Stamp

router = APIRouter(prefix="/numbers", tags=["numbers"])
available = APIRouter(prefix="/available_numbers", tags=["numbers"])
MAX_OFFERED = 100


class FlowIds(Body):
    """What runs when somebody calls, and when a message comes."""

    call_flow_id: Id = NO_UUID
    message_flow_id: Id = NO_UUID


class NumberChange(FlowIds):
    """What may change."""

    name: Text = ""
    detail: Text = ""
    # Ours: callers who prove nothing may call it.
    is_public: Switch = False


class NewNumber(NumberChange):
    """A number to make."""

    number: str
    type: Literal["", "normal", "virtual"] = ""


class Metadata(BaseModel):
    """Switches of a number, and what clients keep with it."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, Json]

    rtp_debug: Switch = False


class Renewal(Body):
    """Which numbers are renewed: those renewed before this time the last time."""

    tm_renew: Stamp


class Offered(BaseModel):
    """A number that can be had."""

    number: str
    country: str = ""
    region: str = ""
    postal_code: str = ""
    features: list[str] = ["voice"]


class Offers(BaseModel):
    """Numbers that can be had."""

    result: list[Offered]


@router.get("")
async def list_numbers(found: With, who: Asking, paging: Paging) -> Page[NumberResource]:
    """List numbers."""
    return paging.page(found.catalogue.page(NumberResource, before=paging.before, size=paging.size))


@router.post("")
async def create_number(found: With, who: Managing, body: NewNumber) -> NumberResource:
    """Make a number: one that a carrier brings here, or a virtual one."""
    fields = body.given()
    fields["type"] = body.type or ("virtual" if body.number.startswith(VIRTUAL) else "normal")
    now = datetime.now(UTC)
    number = NumberResource(customer_id=who.customer_id, tm_purchase=now, tm_renew=now, **fields)
    return await found.setup.add(number, "number_created")


@router.post("/renew")
async def renew_numbers(found: With, who: Managing, body: Renewal) -> list[NumberResource]:
    """Renew numbers. Nothing is billed here, only the times change; those of files have none."""
    due = [
        number
        for number in found.catalogue.all(NumberResource)
        if number.tm_renew is not None
        and number.tm_renew < body.tm_renew
        and not found.catalogue.where(number.id)
    ]
    now = datetime.now(UTC)
    return [
        await found.catalogue.update(NumberResource, number.id, "number_updated", tm_renew=now)
        for number in due
    ]


@router.get("/{number_id}")
async def get_number(found: With, who: Asking, number_id: UUID) -> NumberResource:
    """Return a number."""
    return found.catalogue.get(NumberResource, number_id)


@router.put("/{number_id}")
async def update_number(found: With, who: Managing, number_id: UUID, body: NumberChange) -> NumberResource:
    """Change a number."""
    return await found.setup.change(NumberResource, number_id, "number_updated", **body.given())


@router.put("/{number_id}/flow_ids")
async def update_number_flows(found: With, who: Managing, number_id: UUID, body: FlowIds) -> NumberResource:
    """Change which flows a number runs."""
    return await found.setup.change(NumberResource, number_id, "number_updated", **body.given())


@router.put("/{number_id}/metadata")
async def update_number_metadata(
    found: With, who: Managing, number_id: UUID, body: Metadata
) -> NumberResource:
    """Change a number's switches."""
    return await found.setup.change(NumberResource, number_id, "number_updated", metadata=body.model_dump())


@router.delete("/{number_id}")
async def delete_number(found: With, who: Managing, number_id: UUID) -> NumberResource:
    """Delete a number; it cannot be called any more."""
    return await found.catalogue.delete(NumberResource, number_id, "number_deleted", status="deleted")


@available.get("")
async def list_available_numbers(
    found: With,
    who: Asking,
    paging: Paging,
    country_code: Annotated[str, Query(description="needed for normal numbers")] = "",
    type: Literal["", "normal", "virtual"] = "",
) -> Offers:
    """Offer numbers that nobody has: virtual ones. Normal ones are bought from a carrier, not here."""
    if type != "virtual":
        if not country_code:
            raise ApiError(
                "INVALID_ARGUMENT", "MISSING_REQUEST_PARAMETER", "country_code is missing, or type=virtual"
            )
        return Offers(result=[])
    taken = {number.number for number in found.catalogue.all(NumberResource)}
    offered: dict[str, Any] = {}
    while len(offered) < min(paging.size, MAX_OFFERED):
        number = f"{VIRTUAL}{secrets.randbelow(999_000_000) + 1_000_000:09d}"  # +899000… is reserved
        if number not in taken:
            offered[number] = Offered(number=number)
    return Offers(result=list(offered.values()))
