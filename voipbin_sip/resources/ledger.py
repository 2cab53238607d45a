"""One change of one resource, one event, one transaction.

`Ledger` makes the changes of rows: the resource as it is now, the event that tells of it, and what webhooks are yet
to take. They are written together or not at all; who listens is told. The rows themselves are made when they are
written (decision 17), so a resource must not hold lists or mappings that others go on to change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog

from voipbin_sip.events.event import Event, event_id
from voipbin_sip.events.types import goes_to_webhooks
from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.rows import event_row, json_text, public_json, resource_row
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import OutcomeUnknown, Store
from voipbin_sip.store.tables import events, resources
from voipbin_sip.store.write_behind import Change

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
        return self._event(resource, type_, resource.kind, partial(public_json, resource))

    def note(self, resource: Resource, type_: str, data: dict[str, Any], *, kind: str = "") -> Event:
        """Tell what happened to a resource without a change of it: a digit, somebody who entered."""
        event = self._event(resource, type_, kind or resource.kind, json_text(data))
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
            self.store.write([_change(undone), *gone])
            raise
        for event in told:
            self._tell(event)

    def _event(self, resource: Resource, type_: str, kind: str, content: str | Callable[[], str]) -> Event:
        links = resource.links()
        return Event(
            event_id(self.stamps()),
            type_,
            kind,
            resource.id,
            resource.customer_id,
            content,
            links.activeflow_id,
            links.owner_id,
            goes_to_webhooks(type_),
        )

    def _rows(self, resource: Resource, told: Sequence[Event]) -> list[Change]:
        rows = [_change(resource, told)]
        for event in told:
            rows += self._event_rows(event)
        return rows

    def _event_rows(self, event: Event) -> list[Change]:
        return [Change(events, ("events", event.id), event, event_row), *self.outbox(event)]

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # a call must not die of whoever listens
                self._log.exception("a listener failed", event_type=event.type)


def _change(resource: Resource, told: Sequence[Event] = ()) -> Change:
    """Return the change of a resource; what hides nothing is written as its event shows it."""
    shared = told and not resource.hidden
    form = partial(resource_row, shown=told[-1]) if shared else resource_row
    return Change(resources, ("resources", str(resource.id)), resource, form)


def _nothing(event: Event) -> Sequence[Change]:
    return ()
