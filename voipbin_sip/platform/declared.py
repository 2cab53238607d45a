"""What `directory.yaml` declares, as the API shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from uuid import UUID

from flows import FlowSet
from flows.memory import Memory
from flows.model import as_uuid
from flows.yamlnodes import ListNode, MapNode, Node
from voipbin_sip.directory import (
    ConferenceEntry,
    DirectoryFile,
    ExtensionEntry,
    NumberEntry,
    ProviderEntry,
    RouteEntry,
    TrunkEntry,
)
from voipbin_sip.platform.times import declared_times
from voipbin_sip.resources.base import NO_UUID, Resource, declared_id
from voipbin_sip.resources.catalogue import Entries
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.telephony import (
    NumberResource,
    RouteResource,
    StoredExtension,
    StoredProvider,
    StoredTrunk,
)


@dataclass(frozen=True)
class Declaration:
    """A directory file with what its entries refer to.

    `resources` takes its time with a large file: ask for it once in a thread, before calls wait for it.

    Args:
        domain: where phones register.
        direct: gives the direct hash of a kind and a name.
        memory: of what the file said when it was read.
    """

    entries: DirectoryFile
    path: Path
    flows: FlowSet
    domain: str
    direct: Callable[[str, str], str]
    memory: Memory = field(default_factory=Memory)

    @cached_property
    def resources(self) -> Sequence[tuple[type[Resource], Entries]]:
        """What it declares, by kind, each with its `file:line`."""
        entries = self.entries
        root, _ = self.memory.nodes(self.path)
        return (
            (StoredExtension, self._placed(root, "extensions", map(self._extension, entries.extensions))),
            (NumberResource, self._placed(root, "numbers", map(self._number, entries.numbers))),
            (
                ConferenceResource,
                self._placed(root, "conferences", map(self._conference, entries.conferences)),
            ),
            (StoredTrunk, self._placed(root, "trunks", map(self._trunk, entries.trunks))),
            (StoredProvider, self._placed(root, "providers", map(self._provider, entries.providers))),
            (RouteResource, self._placed(root, "routes", map(self._route, enumerate(entries.routes)))),
        )

    def _placed(self, root: Node | None, section: str, declared: Iterable[Resource]) -> Entries:
        resources = []
        for resource in declared:
            resources.append(resource)
            self.memory.pause()
        times = declared_times(self.path for _ in resources)
        lines = _lines(root, section, len(resources))
        return [
            (resource.changed(tm_create=time, tm_update=time), f"{self.path.name}:{line}")
            for resource, time, line in zip(resources, times, lines, strict=True)
        ]

    def _extension(self, entry: ExtensionEntry) -> StoredExtension:
        return StoredExtension(
            id=declared_id("extension", entry.extension),
            extension=entry.extension,
            username=entry.extension,
            name=entry.name,
            detail=entry.detail,
            domain_name=self.domain,
            direct_hash=self.direct("extension", entry.extension),
        )

    def _number(self, entry: NumberEntry) -> NumberResource:
        return NumberResource(
            id=declared_id("number", entry.number),
            number=entry.number,
            call_flow_id=self._flow(entry.flow),
            name=entry.name,
            detail=entry.detail,
            is_public=entry.public,
        )

    def _conference(self, entry: ConferenceEntry) -> ConferenceResource:
        return ConferenceResource(
            id=declared_id("conference", entry.id),
            name=entry.name or entry.id,
            detail=entry.detail,
            pre_flow_id=self._flow(entry.pre_flow_id),
            post_flow_id=self._flow(entry.post_flow_id),
            direct_hash=self.direct("conference", entry.id),
        )

    def _trunk(self, entry: TrunkEntry) -> StoredTrunk:
        return StoredTrunk(
            id=declared_id("trunk", entry.domain_name),
            name=entry.name,
            detail=entry.detail,
            domain_name=entry.domain_name,
            auth_types=list(entry.auth_types),
            username=entry.username,
            allowed_ips=list(entry.allowed_ips),
        )

    def _provider(self, entry: ProviderEntry) -> StoredProvider:
        return StoredProvider(
            id=declared_id("provider", entry.id),
            name=entry.name or entry.id,
            detail=entry.detail,
            hostname=entry.hostname,
            transport=entry.transport,
            tech_prefix=entry.tech_prefix,
            tech_postfix=entry.tech_postfix,
            tech_headers=entry.tech_headers,
            codecs=",".join(entry.codecs),
            username=entry.username,
            register_seconds=entry.register_seconds,
            probe=entry.probe,
            allowed_ips=list(entry.allowed_ips),
        )

    def _route(self, numbered: tuple[int, RouteEntry]) -> RouteResource:
        position, entry = numbered
        return RouteResource(
            id=declared_id("route", route_name(position, entry)),
            name=entry.name,
            detail=entry.detail,
            provider_id=declared_id("provider", entry.provider_id),
            priority=entry.priority,
            target=entry.target,
        )

    def _flow(self, name: str) -> UUID:
        flow = self.flows.get(name) if name else None
        return flow.uuid if flow is not None else as_uuid(name) or NO_UUID


def _lines(root: Node | None, section: str, count: int) -> list[int]:
    """Return where the entries of a section stand, as far as the file is still the one that was read."""
    node = root.entries.get(section) if isinstance(root, MapNode) else None
    lines = [item.line for item in node.items] if isinstance(node, ListNode) else []
    return lines if len(lines) == count else [1] * count


def route_name(position: int, entry: RouteEntry) -> str:
    """Return the name that a declared route has its id of; it is the `position`th of its file."""
    return f"{position}:{entry.provider_id}:{entry.target}:{entry.priority}"
