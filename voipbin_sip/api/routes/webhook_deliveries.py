"""`/webhook_deliveries` (ours): what webhooks have not taken, and what was given up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy import select

from voipbin_sip.api.auth import Administering, With
from voipbin_sip.api.errors import not_found
from voipbin_sip.api.services import Services
from voipbin_sip.events.delivery import Delivery, delivery_of
from voipbin_sip.store.tables import deliveries

router = APIRouter(prefix="/webhook_deliveries", tags=["webhook_deliveries"])
EventId = Annotated[int, Path(ge=0, lt=2**63)]


class DeliveryView(BaseModel):
    """One event that a webhook has not taken."""

    event_id: int
    target_id: str
    uri: str
    tries: int
    dead: bool
    why: str
    body: str


class Deliveries(BaseModel):
    """The oldest of them."""

    result: list[DeliveryView]


@router.get("")
async def list_deliveries(
    found: With,
    who: Administering,
    dead: Annotated[bool, Query(description="those that were given up, or those still tried")] = True,
) -> Deliveries:
    """List up to a hundred deliveries, the oldest first."""
    query = select(deliveries).where(deliveries.c.dead.is_(dead)).order_by(deliveries.c.event_id).limit(100)
    rows = await found.store.fetch(query)
    return Deliveries(result=[_view(delivery_of(dict(row))) for row in rows])


@router.post("/{event_id}/retry")
async def retry_delivery(found: With, who: Administering, event_id: EventId) -> Deliveries:
    """Try an event anew that was given up."""
    waiting = await _of_event(found, event_id)
    for delivery in waiting:
        found.webhooks.again(delivery)
    return Deliveries(result=[_view(delivery) for delivery in waiting])


@router.delete("/{event_id}")
async def delete_delivery(found: With, who: Administering, event_id: EventId) -> Deliveries:
    """Forget an event that was given up."""
    waiting = await _of_event(found, event_id)
    for delivery in waiting:
        found.webhooks.forget(delivery)
    return Deliveries(result=[_view(delivery) for delivery in waiting])


async def _of_event(found: Services, event_id: int) -> list[Delivery]:
    query = select(deliveries).where(deliveries.c.event_id == event_id, deliveries.c.dead.is_(True))
    rows = await found.store.fetch(query)
    if not rows:
        raise not_found("webhook_delivery", event_id)
    return [delivery_of(dict(row)) for row in rows]


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        event_id=delivery.event_id,
        target_id=str(delivery.target.id),
        uri=delivery.target.uri,
        tries=delivery.tries,
        dead=delivery.dead,
        why=delivery.why,
        body=delivery.body.decode(),
    )
