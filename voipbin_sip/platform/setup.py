"""Changes to what people configure by the API: checked as a whole, one at a time, then made.

What a resource refers to has to be there, and what identifies it must not be taken, by `directory.yaml` neither.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from voipbin_sip.directory import VIRTUAL
from voipbin_sip.platform import entries
from voipbin_sip.platform.direct import new_hash
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.entries import Unfit
from voipbin_sip.platform.flow_book import compile_flow
from voipbin_sip.platform.made import Passwords
from voipbin_sip.resources.base import NO_UUID, Resource
from voipbin_sip.resources.catalogue import Catalogue, NotFound
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.flow import FlowResource
from voipbin_sip.resources.kinds.telephony import (
    NumberResource,
    OutboundConfigResource,
    RouteResource,
    StoredExtension,
    StoredProvider,
    StoredTrunk,
)
from voipbin_sip.values import E164

R = TypeVar("R", bound=Resource)

MAX_FLOWS = 10_000
_VIRTUAL = re.compile(re.escape(VIRTUAL) + r"\d{9}")
RESERVED_VIRTUAL = VIRTUAL + "000"


class Taken(Exception):  # noqa: N818 - reads as what happened
    """There is such a resource already."""


class TooMany(Exception):  # noqa: N818 - reads as what happened
    """No more resources of this kind can be made."""


class Setup:
    """Makes and changes flows, phones, numbers, conferences, trunks, carriers and routes."""

    def __init__(self, catalogue: Catalogue, book: DirectoryBook, passwords: Passwords) -> None:
        self._catalogue = catalogue
        self._book = book
        self._passwords = passwords
        self._lock = asyncio.Lock()  # from the check to the change

    async def add(self, resource: R, event: str, *, password: str = "") -> R:
        """Make a resource. Raises Taken, TooMany, Unfit, FlowRefused, StoreUnavailable."""
        async with self._lock:
            self._refuse_taken(resource)
            self._check(resource, password)
            if password:
                resource = resource.changed(sealed_password=self._passwords.seal(resource, password))
            return await self._catalogue.create(resource, event)

    async def change(self, kind: type[R], id_: UUID, event: str, *, password: str = "", **fields: Any) -> R:
        """Change fields of a resource; without a password it keeps the one that it has.

        Raises NotFound, Declared, Unfit, FlowRefused, StoreUnavailable.
        """
        async with self._lock:
            now = self._catalogue.changeable(kind, id_)
            self._check(now.changed(**fields), password or self._passwords.open(now))
            if password:
                fields["sealed_password"] = self._passwords.seal(now, password)
            return await self._catalogue.update(kind, id_, event, **fields)

    async def renew_hash(self, kind: type[R], id_: UUID, event: str) -> R:
        """Give a resource another direct hash; the old one leads nowhere any more. Raises as `change`."""
        return await self._catalogue.update(kind, id_, event, direct_hash=new_hash())

    def _refuse_taken(self, resource: Resource) -> None:
        for kind, field in _UNIQUE:
            if isinstance(resource, kind):
                value = getattr(resource, field)
                if any(getattr(other, field) == value for other in self._catalogue.all(kind)):
                    raise Taken(f"the {kind.kind} {value} exists already")
        if isinstance(resource, OutboundConfigResource) and self._catalogue.all(OutboundConfigResource):
            raise Taken("there is an outbound config already; change that")
        if isinstance(resource, FlowResource) and len(self._catalogue.all(FlowResource)) >= MAX_FLOWS:
            raise TooMany(f"there are {MAX_FLOWS} flows; delete some")
        if isinstance(resource, ConferenceResource):
            try:
                self._catalogue.get(ConferenceResource, resource.id)
            except NotFound:
                return
            raise Taken(f"there is or was a conference {resource.id}")

    def _check(self, resource: Resource, password: str) -> None:
        """Raise Unfit or FlowRefused for a resource that cannot be used."""
        if isinstance(resource, FlowResource):
            compile_flow(resource)
        elif isinstance(resource, NumberResource):
            _check_number(resource)
            entries.number_entry(resource)
            self._refer("call_flow_id", FlowResource, resource.call_flow_id)
            self._refer("message_flow_id", FlowResource, resource.message_flow_id)
        elif isinstance(resource, StoredExtension):
            entries.extension_entry(resource, password)
        elif isinstance(resource, ConferenceResource):
            entries.conference_entry(resource)
            self._refer("pre_flow_id", FlowResource, resource.pre_flow_id)
            self._refer("post_flow_id", FlowResource, resource.post_flow_id)
        elif isinstance(resource, StoredTrunk):
            entries.trunk_entry(resource, password)
        elif isinstance(resource, StoredProvider):
            entries.provider_entry(resource, password)
        elif isinstance(resource, RouteResource):
            if resource.provider_id == NO_UUID:
                raise Unfit([("provider_id", "is missing")])
            self._refer("provider_id", StoredProvider, resource.provider_id)
            entries.route_entry(resource, self._book.key(resource.provider_id))
        elif isinstance(resource, OutboundConfigResource):
            entries.outbound_terms(resource)
            self._refer_to_own_number(resource.default_outgoing_source_number_id)

    def _refer(
        self, field: str, kind: type[R], id_: UUID, fits: Callable[[R], bool] = lambda _: True
    ) -> None:
        """Raise Unfit where a resource refers to one that is not there."""
        if id_ == NO_UUID:
            return
        try:
            other = self._catalogue.get(kind, id_)
        except NotFound as error:
            raise Unfit([(field, str(error))]) from None
        if other.tm_delete is not None:
            raise Unfit([(field, f"the {kind.kind} {id_} is deleted")])
        if not fits(other):
            raise Unfit([(field, f"the {kind.kind} {id_} cannot be used for this")])

    def _refer_to_own_number(self, id_: UUID) -> None:
        self._refer(
            "default_outgoing_source_number_id",
            NumberResource,
            id_,
            lambda number: number.type == "normal" and E164.fullmatch(number.number) is not None,
        )


_UNIQUE: tuple[tuple[type[Resource], str], ...] = (
    (NumberResource, "number"),
    (StoredExtension, "extension"),
    (StoredTrunk, "domain_name"),
)


def _check_number(resource: NumberResource) -> None:
    if not E164.fullmatch(resource.number):
        raise Unfit([("number", "must be in E.164 form: + and 7 to 15 digits")])
    if (resource.type == "virtual") != resource.number.startswith(VIRTUAL):
        raise Unfit([("type", f"numbers that begin with {VIRTUAL} are virtual, and no others")])
    if resource.type == "virtual" and not _VIRTUAL.fullmatch(resource.number):
        raise Unfit([("number", f"a virtual number has 9 digits after {VIRTUAL}")])
    if resource.number.startswith(RESERVED_VIRTUAL):
        raise Unfit([("number", f"numbers that begin with {RESERVED_VIRTUAL} are reserved")])
