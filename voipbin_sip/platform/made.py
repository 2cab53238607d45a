"""Entries of the directory for what the API made, each built once for each version of its resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

import structlog

from voipbin_sip.directory.fields import Entry
from voipbin_sip.platform.entries import Unfit
from voipbin_sip.platform.secrets import Sealer, SecretError
from voipbin_sip.resources.base import Resource
from voipbin_sip.resources.catalogue import Catalogue

R = TypeVar("R", bound=Resource)
E = TypeVar("E", bound=Entry)


class Passwords:
    """Passwords of phones, trunks and providers that the API made, sealed where they are kept."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._log = structlog.get_logger("directory")

    def seal(self, resource: Resource, password: str) -> str:
        """Return a password as it is kept for a resource."""
        return self._sealer.seal(password, f"{resource.kind} {resource.id}")

    def open(self, resource: Resource) -> str:
        """Return the password of a resource, "" where there is none."""
        sealed = getattr(resource, "sealed_password", "")
        try:
            return self._sealer.open(sealed, f"{resource.kind} {resource.id}") if sealed else ""
        except SecretError as error:
            self._log.error("a password cannot be read", why=str(error))
            return ""


class Item(NamedTuple, Generic[R, E]):
    """A resource, its entry (None: it cannot be used) and its password."""

    resource: R
    entry: E | None
    password: str


class Made(Generic[R, E]):
    """All entries of one kind. `make` raises Unfit for a resource that cannot be one, or returns None."""

    def __init__(
        self, catalogue: Catalogue, passwords: Passwords, kind: type[R], make: Callable[[R, str], E | None]
    ) -> None:
        self._catalogue = catalogue
        self._passwords = passwords
        self._kind = kind
        self._make = make
        self._items: dict[UUID, Item[R, E]] = {}
        self._log = structlog.get_logger("directory")

    def entries(self) -> list[tuple[E, str]]:
        """Return the entries of now with their passwords, the oldest first."""
        resources = [r for r in self._catalogue.all(self._kind) if not self._catalogue.where(r.id)]
        self._items = {resource.id: self.item(resource) for resource in reversed(resources)}
        return [(item.entry, item.password) for item in self._items.values() if item.entry is not None]

    def item(self, resource: R) -> Item[R, E]:
        """Return what a resource has become."""
        known = self._items.get(resource.id)
        if known is not None and known.resource is resource:
            return known
        password = self._passwords.open(resource)
        try:
            entry = self._make(resource, password)
        except Unfit as error:  # what this version does not take any more
            self._log.error(
                "a resource cannot be used", kind=resource.kind, id=str(resource.id), why=str(error)
            )
            entry = None
        return Item(resource, entry, password)
