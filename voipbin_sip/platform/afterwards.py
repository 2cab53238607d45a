"""Closes what was going on when the server died: its records say so, and an event tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select

from voipbin_sip.resources.base import NO_UUID, Resource
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.call import CallResource, GroupcallResource
from voipbin_sip.resources.kinds.conference import ConferencecallResource
from voipbin_sip.resources.kinds.flow import ActiveflowResource
from voipbin_sip.resources.stamps import stamp_text
from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import resources

PAGE = 200


async def close_unfinished(store: Store, history: History, before: datetime) -> int:
    """Close calls, groupcalls and runs that began before a time and have no end; returns how many.

    Raises StoreUnavailable.
    """
    closed = 0
    for kind, over in (
        (CallResource, "hangup"),
        (GroupcallResource, "hangup"),
        (ConferencecallResource, "leaved"),
        (ActiveflowResource, "ended"),
    ):
        closed += await _close(store, history, kind, over, before)
    if closed:
        structlog.get_logger("server").warning(
            "closed what the last run of the server left open", count=closed
        )
    return closed


async def _close(store: Store, history: History, kind: type[Resource], over: str, before: datetime) -> int:
    last, closed = "", 0
    while True:
        query = (
            select(resources)
            .where(
                resources.c.kind == kind.kind,
                resources.c.tm_create < stamp_text(before),
                resources.c.tm_create > last,
                resources.c.tm_delete == "",
                resources.c.body.not_like(f'%"status":"{over}"%'),
            )
            .order_by(resources.c.tm_create)
            .limit(PAGE)
        )
        rows = await store.fetch(query)
        for row in rows:
            record = kind.model_validate_json(row["body"])
            fields, event = _end(record, over, before)
            history.put(record.changed(**fields), event)
        closed += len(rows)
        if len(rows) < PAGE:
            return closed
        last = rows[-1]["tm_create"]


def _end(record: Resource, over: str, before: datetime) -> tuple[Mapping[str, Any], str]:
    fields: dict[str, Any] = {"status": over}
    if isinstance(record, CallResource):
        fields |= {"hangup_by": "local", "hangup_reason": "failed", "tm_hangup": before}
        fields["recording_id"] = NO_UUID
    event = {
        "call": "call_hangup",
        "groupcall": "groupcall_hangup",
        "conferencecall": "conferencecall_leaved",
    }
    return fields, event.get(record.kind, "activeflow_updated")
