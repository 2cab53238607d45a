"""What happens by itself: calls, runs, recordings … written behind, and read back from the database.

The newest state of each is at hand before the database has it: what waits to be written covers what was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import stamp_text
from voipbin_sip.store.tables import resources
from voipbin_sip.store.write_behind import Row

R = TypeVar("R", bound=Resource)


class History:
    """Live resources and what became of them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def begin(self, resource: R, *events: str) -> R:
        """Enter a new resource; `events` are told. Returns it with its times."""
        stamp = self._ledger.stamps()
        return self.put(resource, *events, touch=False, tm_create=stamp, tm_update=stamp)

    def put(self, resource: R, *events: str, touch: bool = True, **fields: Any) -> R:
        """Note what is new of a resource; `events` are told. Returns it with its time of change."""
        if touch:
            fields["tm_update"] = self._ledger.stamps()
        resource = resource.changed(**fields) if fields else resource
        told = [self._ledger.event(resource, event) for event in events]
        self._ledger.record(resource, *told)
        return resource

    def delete(self, resource: R, *events: str) -> R:
        """Mark a resource as deleted and return it so."""
        return self.put(resource, *events, tm_delete=self._ledger.stamps())

    async def get(self, kind: type[R], id_: UUID) -> R:
        """Return a resource as it was last, also a deleted one. Raises NotFound, StoreUnavailable."""
        waiting = self._ledger.store.unwritten(resources).get((str(id_),))
        row: Row | None = None
        if waiting is None:
            query = select(resources.c.body).where(resources.c.id == str(id_), resources.c.kind == kind.kind)
            row = next((dict(row) for row in await self._ledger.store.fetch(query)), None)
        elif isinstance(waiting.value, kind):
            row = waiting.row
        if row is None:
            raise NotFound(kind.kind, id_)
        return _read(kind, row)

    async def beginning(self, kind: type[R], start: str, size: int) -> Sequence[R]:
        """Return up to `size` resources whose id begins with a text, in no order. Raises StoreUnavailable."""
        table = resources
        changes = self._ledger.store.unwritten(table).items()
        waiting = {key: change for key, change in changes if str(key[0]).startswith(start)}
        query = (
            select(table)
            .where(
                table.c.id >= start, table.c.id < f"{start}g"
            )  # found by the key: an id has no letter beyond f
            .where(table.c.id.startswith(start, autoescape=True))
            .where(table.c.kind == kind.kind, table.c.tm_delete == "")
            .limit(size + len(waiting))
        )
        found = [
            _read(kind, dict(row))
            for row in await self._ledger.store.fetch(query)
            if (row["id"],) not in waiting
        ]
        found += [
            _read(kind, row)
            for change in waiting.values()
            if isinstance(change.value, kind) and change.value.tm_delete is None and (row := change.row)
        ]
        return found[:size]

    async def page(
        self, kind: type[R], *, before: datetime, size: int, reference_id: UUID | None = None
    ) -> Sequence[R]:
        """Return up to `size` resources made before a time, the newest first; those of one thing, if asked for.

        Raises StoreUnavailable.
        """
        table, text = resources, stamp_text(before)
        query = (
            select(table)
            .where(table.c.kind == kind.kind, table.c.tm_delete == "", table.c.tm_create < text)
            .order_by(table.c.tm_create.desc())
            .limit(size)
        )
        if reference_id is not None:
            query = query.where(table.c.reference_id == str(reference_id))
        waiting = self._ledger.store.unwritten(table)
        rows: list[Row] = [dict(row) for row in await self._ledger.store.fetch(query)]
        # What was written while we read is in both; what waited before may be newer than what was read.
        rows = [row for row in rows if (row["id"],) not in waiting]
        rows += [
            change.form(resource)
            for change in waiting.values()
            if isinstance(resource := change.value, kind)
            and change.form is not None
            and resource.tm_delete is None
            and resource.tm_create is not None
            and resource.tm_create < before
            and (reference_id is None or resource.links().reference_id == reference_id)
        ]
        rows.sort(key=lambda row: str(row["tm_create"]), reverse=True)
        return [_read(kind, row) for row in rows[:size]]


def _read(kind: type[R], row: Row) -> R:
    return kind.model_validate_json(str(row["body"]))
