"""One change of one resource, one event, one transaction.

`Ledger` makes the rows of a change: the resource as it is now, the event that tells of it, and what webhooks are yet
to take. They are written together or not at all; who listens is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from pydantic_core import PydanticSerializationError, to_json

from voipbin_sip.events.event import Event, event_id
from voipbin_sip.events.types import goes_to_webhooks
from voipbin_sip.resources.base import NO_UUID, Resource
from voipbin_sip.resources.stamps import Stamps, stamp_text
from voipbin_sip.store.store import OutcomeUnknown, Store, put
from voipbin_sip.store.tables import events, resources
from voipbin_sip.store.write_behind import Change, Row

Listener = Callable[[Event], None]
Outbox = Callable[[Event], Sequence[Change]]


class Ledger:
    """Writes changes and tells of them.

    `outbox` returns the rows of what is to be delivered for an event, in the event's own transaction.
    """

    def __init__(self, store: Store, stamps: Stamps) -> None:
        self.store = store
        self.stamps = stamps
        self.outbox: Outbox = _nothing
        self._listeners: list[Listener] = []
        self._log = structlog.get_logger("events")

    def listen(self, listener: Listener) -> None:
        """Tell a listener of every event from now on; it must not wait."""
        self._listeners.append(listener)

    def event(self, resource: Resource, type_: str) -> Event:
        """Return the event of a change, not yet written or told."""
        return self._event(resource, type_, resource.kind, public_json(resource))

    def note(self, resource: Resource, type_: str, data: dict[str, Any], *, kind: str = "") -> Event:
        """Tell what happened to a resource without a change of it: a digit, somebody who entered."""
        event = self._event(resource, type_, kind or resource.kind, _text(data))
        self.store.write(self._event_rows(event))
        self._tell(event)
        return event

    def record(self, resource: Resource, *told: Event) -> None:
        """Write a change behind and tell of it."""
        self.store.write(self._rows(resource, told))
        for event in told:
            self._tell(event)

    async def commit(self, resource: Resource, *told: Event, before: Resource | None = None) -> None:
        """Write a change now and tell of it; `before` is the resource as it was.

        Raises StoreUnavailable; nothing is told then, and nothing is changed.
        """
        rows = self._rows(resource, told)
        try:
            await self.store.commit(rows)
        except OutcomeUnknown:
            undone = before or resource.changed(tm_delete=self.stamps())
            gone = [
                Change(change.table, change.key, None) for change in rows if change.table is not resources
            ]
            self.store.write([put(resources, resource_row(undone)), *gone])
            raise
        for event in told:
            self._tell(event)

    def _event(self, resource: Resource, type_: str, kind: str, text: str) -> Event:
        links = resource.links()
        return Event(
            event_id(self.stamps()),
            type_,
            kind,
            resource.id,
            resource.customer_id,
            text,
            links.activeflow_id,
            links.owner_id,
            goes_to_webhooks(type_),
        )

    def _rows(self, resource: Resource, told: Sequence[Event]) -> list[Change]:
        # What hides nothing is written as it is shown.
        rows = [put(resources, resource_row(resource, "" if resource.hidden or not told else told[-1].text))]
        for event in told:
            rows += self._event_rows(event)
        return rows

    def _event_rows(self, event: Event) -> list[Change]:
        return [put(events, event_row(event)), *self.outbox(event)]

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # a call must not die of whoever listens
                self._log.exception("a listener failed", event_type=event.type)


def resource_row(resource: Resource, text: str = "") -> Row:
    """Return a resource as a row of the table of resources; `text` is its JSON, if that is known already."""
    return {
        "id": str(resource.id),
        "kind": resource.kind,
        "customer_id": str(resource.customer_id),
        "reference_id": str(resource.links().reference_id),
        "tm_create": stamp_text(resource.tm_create) if resource.tm_create else "",
        "tm_delete": stamp_text(resource.tm_delete) if resource.tm_delete else "",
        "body": text or _json(resource),
    }


def public_json(resource: Resource) -> str:
    """Return what events show of a resource."""
    return _json(resource, resource.hidden)


def _json(resource: Resource, hidden: frozenset[str] = frozenset()) -> str:
    try:
        return resource.model_dump_json(exclude=set(hidden) or None)
    except PydanticSerializationError:
        return _text(resource.model_dump(mode="json", exclude=set(hidden)))


def _text(data: dict[str, Any]) -> str:
    """Return JSON values as JSON."""
    try:
        return to_json(data).decode()
    except PydanticSerializationError:  # a text that came from outside and is no UTF-8
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def event_row(event: Event) -> Row:
    """Return an event as a row of the table of events."""
    return {
        "id": event.id,
        "type": event.type,
        "kind": event.kind,
        "resource_id": str(event.resource_id),
        "customer_id": str(event.customer_id),
        "activeflow_id": str(event.activeflow_id),
        "owner_id": str(event.owner_id),
        "webhook": event.webhook,
        "data": event.text,
    }


def event_of(row: Any) -> Event:
    """Return the event of a row."""
    return Event(
        int(row["id"]),
        row["type"],
        row["kind"],
        UUID(row["resource_id"]),
        UUID(row["customer_id"]),
        row["data"],
        UUID(row["activeflow_id"]) if row["activeflow_id"] else NO_UUID,
        UUID(row["owner_id"]) if row["owner_id"] else NO_UUID,
        bool(row["webhook"]),
    )


def _nothing(event: Event) -> Sequence[Change]:
    return ()
