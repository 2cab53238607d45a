"""What people configure: flows, extensions, numbers, agents … all of it in memory, so that no call waits for it.

What YAML declares and what the API makes lie side by side. Declared ones have ids made of their names, are never
written to the database, and cannot be changed here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import RowMapping, select

from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.store.tables import resources

R = TypeVar("R", bound=Resource)
Entries: TypeAlias = Sequence[tuple[Resource, str]]
"""What is declared of a kind, each with its `file:line`."""


class NotFound(Exception):  # noqa: N818 - reads as what happened
    """There is no such resource."""

    def __init__(self, kind: str, id_: object, more: str = "") -> None:
        super().__init__(f"there is no {kind} {id_} {more}".rstrip())
        self.kind = kind


class Declared(Exception):  # noqa: N818 - reads as what happened
    """The resource stands in a file of the configuration and is changed there; the message names the file."""


class Catalogue:
    """All configured resources by kind and id."""

    def __init__(self, ledger: Ledger, kinds: Iterable[type[Resource]]) -> None:
        self._ledger = ledger
        self._classes = {cls.kind: cls for cls in kinds}
        self._made: dict[str, dict[UUID, Resource]] = {kind: {} for kind in self._classes}
        self._declared: dict[str, dict[UUID, Resource]] = {kind: {} for kind in self._classes}
        self._where: dict[UUID, str] = {}  # "directory.yaml:12" of the declared ones
        self._watchers: dict[str, list[Callable[[], None]]] = {kind: [] for kind in self._classes}
        self._lock = asyncio.Lock()  # one change at a time
        self._log = structlog.get_logger("resources")

    async def load(self, *kinds: type[Resource]) -> None:
        """Read what was made before the restart, or by another program since; of all kinds or only these.

        Raises StoreUnavailable.
        """
        wanted = [kind.kind for kind in kinds] or list(self._classes)
        query = select(resources).where(resources.c.kind.in_(wanted))
        found: dict[str, dict[UUID, Resource]] = {kind: {} for kind in wanted}
        async with self._lock:
            for row in await self._ledger.store.fetch(query):
                resource = self._read(row)
                if resource is not None:
                    found[row["kind"]][resource.id] = resource
            changed = [kind for kind in wanted if found[kind] != self._made[kind]]
            self._made |= found
        for kind in changed:
            self._changed(self._classes[kind])

    def _read(self, row: RowMapping) -> Resource | None:
        try:
            return self._classes[row["kind"]].model_validate_json(row["body"])
        except ValidationError as error:
            self._log.error("a resource cannot be read", kind=row["kind"], id=row["id"], why=str(error))
            return None

    def declare(self, kind: type[R], declared: Iterable[tuple[R, str]]) -> None:
        """Take what the configuration declares of a kind, each with its `file:line`, in place of what it did."""
        self.declare_all([(kind, list(declared))])

    def declare_all(self, declared: Sequence[tuple[type[Resource], Entries]]) -> None:
        """Take what the configuration declares of several kinds; who watches some of them is called once."""
        for kind, entries in declared:
            for old in self._declared[kind.kind]:
                self._where.pop(old, None)
            self._declared[kind.kind] = {resource.id: self._stamped(resource) for resource, _ in entries}
            self._where.update({resource.id: where for resource, where in entries})
        watchers = (watcher for kind, _ in declared for watcher in self._watchers[kind.kind])
        for watcher in dict.fromkeys(watchers):
            watcher()

    def _stamped(self, resource: Resource) -> Resource:
        return resource if resource.tm_create else resource.changed(tm_create=self._ledger.stamps())

    def watch(self, kind: type[Resource], watcher: Callable[[], None]) -> None:
        """Call back after each change of a kind."""
        self._watchers[kind.kind].append(watcher)

    def get(self, kind: type[R], id_: UUID) -> R:
        """Return a resource, also a deleted one. Raises NotFound."""
        found = self._declared[kind.kind].get(id_) or self._made[kind.kind].get(id_)
        if found is None:
            raise NotFound(kind.kind, id_)
        assert isinstance(found, kind)
        return found

    def all(self, kind: type[R]) -> list[R]:
        """Return what is not deleted, the newest first."""
        both = (*self._declared[kind.kind].values(), *self._made[kind.kind].values())
        alive = [resource for resource in both if isinstance(resource, kind) and resource.tm_delete is None]
        return sorted(alive, key=_newest, reverse=True)

    def page(
        self,
        kind: type[R],
        *,
        before: datetime,
        size: int,
        where: Callable[[R], bool] = lambda _: True,
    ) -> Sequence[R]:
        """Return up to `size` resources made before a time, the newest first."""
        older = (r for r in self.all(kind) if r.tm_create is not None and r.tm_create < before and where(r))
        return [resource for resource, _ in zip(older, range(size), strict=False)]

    def where(self, id_: UUID) -> str:
        """Return where a resource is declared, "" for one that the API made."""
        return self._where.get(id_, "")

    def changeable(self, kind: type[R], id_: UUID) -> R:
        """Return a resource that may be changed. Raises NotFound, Declared."""
        now = self.get(kind, id_)
        if now.tm_delete is not None:
            raise NotFound(kind.kind, id_, "any more")
        if where := self.where(id_):
            raise Declared(f"this {kind.kind} is declared in {where}; change it there")
        return now

    async def create(self, resource: R, event: str = "") -> R:
        """Add a resource; `event` is told. Raises StoreUnavailable."""
        async with self._lock:
            stamp = self._ledger.stamps()
            return await self._commit(resource.changed(tm_create=stamp, tm_update=stamp), event)

    async def update(self, kind: type[R], id_: UUID, event: str = "", **fields: Any) -> R:
        """Change fields of a resource. Raises NotFound, Declared, StoreUnavailable."""
        async with self._lock:
            now = self.changeable(kind, id_)
            return await self._commit(now.changed(tm_update=self._ledger.stamps(), **fields), event)

    async def delete(self, kind: type[R], id_: UUID, event: str = "", **fields: Any) -> R:
        """Mark a resource as deleted, with other fields as given. Raises NotFound, Declared, StoreUnavailable."""
        async with self._lock:
            stamp = self._ledger.stamps()
            now = self.changeable(kind, id_)
            return await self._commit(now.changed(tm_update=stamp, tm_delete=stamp, **fields), event)

    async def _commit(self, resource: R, event: str) -> R:
        told = (self._ledger.event(resource, event),) if event else ()
        before = self._made[resource.kind].get(resource.id)
        await self._ledger.commit(resource, *told, before=before)
        self._made[resource.kind][resource.id] = resource
        self._changed(type(resource))
        return resource

    def _changed(self, kind: type[Resource]) -> None:
        for watcher in self._watchers[kind.kind]:
            watcher()


def _newest(resource: Resource) -> tuple[datetime, UUID]:
    assert resource.tm_create is not None
    return resource.tm_create, resource.id
