"""The directory that calls use: what `directory.yaml` declares and what the API made, in one.

Each change makes a new directory and swaps one reference, so the next call and the next REGISTER see it. What is
declared goes before what was made under the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar
from uuid import UUID

from voipbin_sip.carriers import ProviderState
from voipbin_sip.directory import ConferenceEntry, Directory, Reach
from voipbin_sip.platform import entries
from voipbin_sip.platform.declared import Declaration
from voipbin_sip.platform.made import Made, Passwords
from voipbin_sip.resources.base import NO_UUID, Resource, declared_id
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.kinds.agent import StoredAgent
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

G = TypeVar("G", StoredExtension, StoredTrunk, StoredProvider)

KINDS: tuple[type[Resource], ...] = (
    ConferenceResource,
    FlowResource,
    NumberResource,
    OutboundConfigResource,
    RouteResource,
    StoredAgent,
    StoredExtension,
    StoredProvider,
    StoredTrunk,
)


class DirectoryBook:
    """Makes the directory. `directory` is the one of now."""

    def __init__(self, catalogue: Catalogue, passwords: Passwords) -> None:
        self.directory = Directory()
        self.domain = ""
        self.provider_state: Callable[[str], ProviderState | None] = _unknown
        """How a provider of the directory is at run time."""
        self._catalogue = catalogue
        self._passwords = passwords
        self._base = Directory()
        self._users: list[Callable[[Directory], None]] = []
        self._names: dict[UUID, str] = {}  # of declared conferences and providers
        self._extensions = Made(catalogue, passwords, StoredExtension, entries.extension_entry)
        self._numbers = Made(catalogue, passwords, NumberResource, entries.number_entry)
        self._conferences = Made(catalogue, passwords, ConferenceResource, entries.conference_entry)
        self._trunks = Made(catalogue, passwords, StoredTrunk, entries.trunk_entry)
        self._providers = Made(catalogue, passwords, StoredProvider, entries.provider_entry)
        self._routes = Made(
            catalogue, passwords, RouteResource, lambda r, _: entries.route_entry(r, self.key(r.provider_id))
        )
        for kind in KINDS:
            catalogue.watch(kind, self._swap)

    def declare(self, directory: Directory, declaration: Declaration) -> None:
        """Take what the configuration declares, in place of what it did."""
        self._base, self.domain = directory, declaration.domain
        told = declaration.entries
        self._names = {declared_id("provider", entry.id): entry.id for entry in told.providers}
        self._names |= {declared_id("conference", entry.id): entry.id for entry in told.conferences}
        self._catalogue.declare_all(declaration.resources)

    def use(self, user: Callable[[Directory], None]) -> None:
        """Give a user the directory of now, and each one that takes its place."""
        self._users.append(user)
        user(self.directory)

    def key(self, resource_id: UUID) -> str:
        """Return what the directory calls a provider or a conference."""
        return self._names.get(resource_id) or str(resource_id)

    def password(self, resource: StoredExtension | StoredTrunk | StoredProvider) -> str:
        """Return the password of a phone, a trunk or a provider, "" where there is none."""
        if resource.tm_delete is not None:
            return ""
        if not self._catalogue.where(resource.id):
            return self._passwords.open(resource)
        if isinstance(resource, StoredExtension):
            return self._base.passwords.get(resource.extension, "")
        if isinstance(resource, StoredTrunk):
            return self._base.trunk_passwords.get(resource.domain_name, "")
        return self._base.provider_passwords.get(self.key(resource.id), "")

    def shown(self, resource: G, *, secrets: bool) -> G:
        """Return a resource as the API shows it, with its password to those who may see it."""
        if isinstance(resource, StoredProvider):
            state = self.provider_state(self.key(resource.id))
            if state is not None:
                resource = resource.changed(
                    health_status=state.health_status.value,
                    health_checked_at=state.health_checked_at,
                    registration=state.registration.value,
                    registration_reason=state.why,
                )
        return resource.changed(password=self.password(resource)) if secrets else resource

    def _swap(self) -> None:
        self.directory = self._build()
        for user in self._users:
            user(self.directory)

    def _build(self) -> Directory:
        base = self._base
        phones, trunks, providers = (
            self._extensions.entries(),
            self._trunks.entries(),
            self._providers.entries(),
        )
        terms = self._outbound()
        return Directory(
            numbers={e.number: e for e, _ in self._numbers.entries()} | dict(base.numbers),
            extensions={e.extension: e for e, _ in phones} | dict(base.extensions),
            passwords={e.extension: word for e, word in phones if word} | dict(base.passwords),
            extension_ids={str(r.id): r.extension for r in self._catalogue.all(StoredExtension)},
            conferences=self._all_conferences(),
            agents={str(agent.id): _reached_at(agent) for agent in self._catalogue.all(StoredAgent)},
            direct={name: reach for name, reach in self._direct() if name},
            trunks={e.domain_name: e for e, _ in trunks} | dict(base.trunks),
            trunk_passwords={e.domain_name: word for e, word in trunks if word} | dict(base.trunk_passwords),
            providers={e.id: e for e, _ in providers} | dict(base.providers),
            provider_passwords={e.id: word for e, word in providers if word} | dict(base.provider_passwords),
            routes=(*base.routes, *(e for e, _ in self._routes.entries())),
            countries=terms.countries,
            default_number=self._number(terms.number_id),
            sip_codecs=terms.codecs,
        )

    def _all_conferences(self) -> dict[str, ConferenceEntry]:
        """Return the conferences; declared ones can be named by their UUID too."""
        declared = dict(self._base.conferences)
        by_id = {str(declared_id("conference", name)): entry for name, entry in declared.items()}
        return {e.id: e for e, _ in self._conferences.entries()} | by_id | declared

    def _direct(self) -> Iterator[tuple[str, Reach]]:
        """Yield who can be called by a direct hash."""
        for flow in self._catalogue.all(FlowResource):
            yield flow.direct_hash, Reach("flow", str(flow.id))
        for phone in self._catalogue.all(StoredExtension):
            yield phone.direct_hash, Reach("extension", phone.extension)
        for conference in self._catalogue.all(ConferenceResource):
            yield conference.direct_hash, Reach("conference", self.key(conference.id))
        for agent in self._catalogue.all(StoredAgent):
            yield agent.direct_hash, Reach("agent", str(agent.id))

    def _outbound(self) -> entries.OutboundTerms:
        configs = self._catalogue.all(OutboundConfigResource)
        return entries.outbound_terms(configs[-1]) if configs else entries.OutboundTerms()

    def _number(self, id_: UUID) -> str:
        numbers = self._catalogue.all(NumberResource) if id_ != NO_UUID else ()
        return next((number.number for number in numbers if number.id == id_), "")


def _reached_at(agent: StoredAgent) -> tuple[Reach, ...]:
    return tuple(Reach(address.type, address.target) for address in agent.addresses)


def _unknown(provider: str) -> ProviderState | None:
    """Say that nothing is known."""
    return None
