"""Resources and events as rows of the database, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import PydanticSerializationError, to_json

from voipbin_sip.events.event import Event
from voipbin_sip.resources.base import NO_UUID, Resource
from voipbin_sip.resources.stamps import stamp_text
from voipbin_sip.store.write_behind import Row


def resource_row(resource: Resource, shown: Event | None = None) -> Row:
    """Return a resource as a row of the table of resources; `shown` is an event that shows all of it."""
    return {
        "id": str(resource.id),
        "kind": resource.kind,
        "customer_id": str(resource.customer_id),
        "reference_id": str(resource.links().reference_id),
        "tm_create": stamp_text(resource.tm_create) if resource.tm_create else "",
        "tm_delete": stamp_text(resource.tm_delete) if resource.tm_delete else "",
        "body": _json(resource) if shown is None else shown.text,
    }


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


def public_json(resource: Resource) -> str:
    """Return what events show of a resource."""
    return _json(resource, resource.hidden)


def json_text(data: Mapping[str, Any]) -> str:
    """Return JSON values as JSON."""
    try:
        return to_json(data).decode()
    except PydanticSerializationError:  # a text that came from outside and is no UTF-8
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def _json(resource: Resource, hidden: frozenset[str] = frozenset()) -> str:
    try:
        return resource.model_dump_json(exclude=set(hidden) or None)
    except PydanticSerializationError:
        return json_text(resource.model_dump(mode="json", exclude=set(hidden)))
