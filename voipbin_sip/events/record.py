"""Past events, read back: for timelines, and for websockets that were away.

What waits to be written is looked at before the database is: then an event that is written meanwhile is seen twice
rather than not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from voipbin_sip.events.event import Event
from voipbin_sip.resources.rows import event_of
from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import events

PAGE = 500


@dataclass(frozen=True, slots=True)
class Part:
    """Which events: of one thing, of one run, or all of a customer."""

    column: str  # "resource_id", "activeflow_id" or "customer_id"
    id: UUID

    def holds(self, event: Event) -> bool:
        """Whether an event is one of them."""
        return bool(getattr(event, self.column) == self.id)


class Record:
    """What happened, as far as it is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def since(self, after: int, part: Part) -> AsyncIterator[Event]:
        """Give the events after one, oldest first. Raises StoreUnavailable."""
        column = events.c[part.column] == str(part.id)
        while True:
            waiting = self._unwritten(part)
            query = select(events).where(column, events.c.id > after).order_by(events.c.id).limit(PAGE)
            found = {row["id"]: event_of(row) for row in await self._store.fetch(query)}
            last = max(found) if len(found) >= PAGE else None
            found |= {e.id: e for e in waiting if e.id > after and (last is None or e.id <= last)}
            for id_ in sorted(found):
                yield found[id_]
            if last is None:
                return
            after = last

    async def before(self, id_: int, part: Part, size: int) -> Sequence[Event]:
        """Return up to `size` events before one, the newest first. Raises StoreUnavailable."""
        column = events.c[part.column] == str(part.id)
        waiting = self._unwritten(part)
        query = select(events).where(column, events.c.id < id_).order_by(events.c.id.desc()).limit(size)
        found = {row["id"]: event_of(row) for row in await self._store.fetch(query)}
        found |= {event.id: event for event in waiting if event.id < id_}
        return [found[key] for key in sorted(found, reverse=True)[:size]]

    def _unwritten(self, part: Part) -> list[Event]:
        waiting = [change.value for change in self._store.unwritten(events).values()]
        return [event for event in waiting if isinstance(event, Event) and part.holds(event)]
