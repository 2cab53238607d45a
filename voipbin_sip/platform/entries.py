"""Resources of the API as entries of the directory: checked by the same rules as `directory.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator, ValidationError

from voipbin_sip.directory import (
    ConferenceEntry,
    ExtensionEntry,
    NumberEntry,
    ProviderEntry,
    RouteEntry,
    TrunkEntry,
)
from voipbin_sip.directory.fields import Codecs, Entry, Label, Network
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.telephony import (
    NumberResource,
    OutboundConfigResource,
    RouteResource,
    StoredExtension,
    StoredProvider,
    StoredTrunk,
)
from voipbin_sip.toll.allowed import read_country

E = TypeVar("E", bound=Entry)


class Unfit(Exception):  # noqa: N818 - reads as what happened
    """A resource cannot be used as it is; `faults` says of which fields and why."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {why}" if field else why for field, why in faults))
        self.faults = faults


def extension_entry(resource: StoredExtension, password: str) -> ExtensionEntry:
    """Return a phone. Raises Unfit."""
    return _entry(
        ExtensionEntry,
        {
            "extension": resource.extension,
            "name": resource.name,
            "detail": resource.detail,
            "password": password,
        },
    )


def number_entry(resource: NumberResource, _password: str = "") -> NumberEntry:
    """Return a number, with the UUID of its flow. Raises Unfit."""
    return _entry(
        NumberEntry,
        {
            "number": resource.number,
            "flow": _id(resource.call_flow_id),
            "public": resource.is_public,
            "name": resource.name,
            "detail": resource.detail,
        },
    )


def conference_entry(resource: ConferenceResource, _password: str = "") -> ConferenceEntry:
    """Return a conference, which is called by its UUID. Raises Unfit."""
    return _entry(
        ConferenceEntry,
        {
            "id": str(resource.id),
            "name": resource.name,
            "detail": resource.detail,
            "pre_flow_id": _id(resource.pre_flow_id),
            "post_flow_id": _id(resource.post_flow_id),
        },
    )


def trunk_entry(resource: StoredTrunk, password: str) -> TrunkEntry | None:
    """Return a trunk, None for one that has no way yet to prove that it is itself. Raises Unfit."""
    if not resource.auth_types:
        _entry(_TrunkForm, {"domain_name": resource.domain_name, "allowed_ips": resource.allowed_ips})
        return None
    return _entry(
        TrunkEntry,
        {
            "domain_name": resource.domain_name,
            "name": resource.name,
            "detail": resource.detail,
            "auth_types": resource.auth_types,
            "username": resource.username,
            "password": password or None,
            "allowed_ips": resource.allowed_ips,
        },
    )


def provider_entry(resource: StoredProvider, password: str) -> ProviderEntry:
    """Return a carrier, known by its UUID. Raises Unfit."""
    return _entry(
        ProviderEntry,
        {
            "id": str(resource.id),
            "name": resource.name,
            "detail": resource.detail,
            "type": resource.type,
            "hostname": resource.hostname,
            "transport": resource.transport,
            "tech_prefix": resource.tech_prefix,
            "tech_postfix": resource.tech_postfix,
            "tech_headers": resource.tech_headers,
            "codecs": resource.codecs,
            "username": resource.username,
            "password": password or None,
            "register": resource.register_seconds,
            "probe": resource.probe,
            "allowed_ips": resource.allowed_ips,
        },
    )


def route_entry(resource: RouteResource, provider: str) -> RouteEntry:
    """Return a route to a provider of the directory. Raises Unfit."""
    return _entry(
        RouteEntry,
        {
            "provider_id": provider,
            "priority": resource.priority,
            "target": resource.target,
            "name": resource.name,
            "detail": resource.detail,
        },
    )


@dataclass(frozen=True, slots=True)
class OutboundTerms:
    """What an outbound config says."""

    countries: frozenset[str] | None = None  # ISO 3166 codes in capitals; None: those of the configuration
    number_id: UUID = NO_UUID
    codecs: tuple[str, ...] = ()


def outbound_terms(resource: OutboundConfigResource) -> OutboundTerms:
    """Return what an outbound config says. Raises Unfit."""
    form = _entry(
        _OutboundForm, {"destination_whitelist": resource.destination_whitelist, "codecs": resource.codecs}
    )
    return OutboundTerms(
        frozenset(form.destination_whitelist), resource.default_outgoing_source_number_id, form.codecs
    )


class _TrunkForm(Entry):
    domain_name: Label
    allowed_ips: tuple[Network, ...]


class _OutboundForm(Entry):
    destination_whitelist: tuple[Annotated[str, AfterValidator(read_country)], ...]
    codecs: Codecs


def _entry(kind: type[E], values: Mapping[str, Any]) -> E:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise Unfit([(_field(fault["loc"]), _why(fault)) for fault in error.errors()]) from None


def _why(fault: Any) -> str:
    """Return what is wrong, without the value: it may be a password."""
    return str(fault["msg"]).removeprefix("Value error, ")


def _field(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place if part != "[key]")


def _id(id_: UUID) -> str:
    return str(id_) if id_.int else ""
