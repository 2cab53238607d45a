"""`/routes`: which carrier takes calls to which numbers."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from voipbin_sip.api.auth import Administering, Managing, With
from voipbin_sip.api.errors import invalid
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Text, Whole
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.kinds.telephony import RouteResource

router = APIRouter(prefix="/routes", tags=["routes"])
Priority = Annotated[Whole, Field(ge=-1_000_000, le=1_000_000, description="the lowest goes first")]


class RouteChange(Body):
    """What may change."""

    name: Text = ""
    detail: Text = ""
    provider_id: Id = NO_UUID
    priority: Priority = 0
    target: Annotated[str, Field(description="`all`, or the beginning of numbers like +49")] = "all"


class NewRoute(RouteChange):
    """A route to make."""

    provider_id: Id
    customer_id: Annotated[Id, Field(description="read and passed over: all routes are the customer's")] = (
        NO_UUID
    )


def _customer(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise invalid("customer_id must be an id", "INVALID_REQUEST_PARAMETER") from None


@router.get("")
async def list_routes(
    found: With, who: Managing, paging: Paging, customer_id: Annotated[str, Query()] = ""
) -> Page[RouteResource]:
    """List routes."""
    wanted = _customer(customer_id)
    return paging.page(
        found.catalogue.page(
            RouteResource,
            before=paging.before,
            size=paging.size,
            where=lambda route: wanted in (None, NO_UUID, route.customer_id),
        )
    )


@router.post("")
async def create_route(found: With, who: Administering, body: NewRoute) -> RouteResource:
    """Make a route: the longest target that fits a number counts, then the lowest priority, then age."""
    fields = body.given() | {"customer_id": who.customer_id}
    return await found.setup.add(RouteResource(**fields), "route_created")


@router.get("/{route_id}")
async def get_route(found: With, who: Managing, route_id: UUID) -> RouteResource:
    """Return a route."""
    return found.catalogue.get(RouteResource, route_id)


@router.put("/{route_id}")
async def update_route(found: With, who: Administering, route_id: UUID, body: RouteChange) -> RouteResource:
    """Change a route."""
    return await found.setup.change(RouteResource, route_id, "route_updated", **body.given())


@router.delete("/{route_id}")
async def delete_route(found: With, who: Administering, route_id: UUID) -> RouteResource:
    """Delete a route."""
    return await found.catalogue.delete(RouteResource, route_id, "route_deleted")
