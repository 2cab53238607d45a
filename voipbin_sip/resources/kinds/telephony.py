"""Numbers, phones and the ways out: what `directory.yaml` declares too."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from voipbin_sip.resources.base import NO_UUID, Resource
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.stamps import Stamp


class NumberResource(Resource):
    """A number that runs a flow."""

    kind: ClassVar[str] = "number"

    number: str = ""
    type: Literal["normal", "virtual"] = "normal"
    call_flow_id: Id = NO_UUID
    message_flow_id: Id = NO_UUID
    name: str = ""
    detail: str = ""
    status: Literal["active", "deleted"] = "active"
    t38_enabled: bool = False
    emergency_enabled: bool = False
    metadata: dict[str, Any] = Field(default={})
    tm_purchase: Stamp | None = None
    tm_renew: Stamp | None = None
    # Ours: callers who prove nothing may call it.
    is_public: bool = False


class ExtensionResource(Resource):
    """A phone's account."""

    kind: ClassVar[str] = "extension"
    hidden: ClassVar[frozenset[str]] = frozenset({"sealed_password"})

    extension: str = ""
    name: str = ""
    detail: str = ""
    domain_name: str = ""
    username: str = ""
    password: str = ""  # shown to who manages extensions; never stored
    direct_hash: str = ""


class StoredExtension(ExtensionResource):
    """A phone's account as it is kept."""

    sealed_password: str = ""


class TrunkResource(Resource):
    """Somebody's PBX that calls through us."""

    kind: ClassVar[str] = "trunk"
    hidden: ClassVar[frozenset[str]] = frozenset({"sealed_password"})

    name: str = ""
    detail: str = ""
    domain_name: str = ""
    auth_types: list[Literal["basic", "ip"]] = Field(default=[])
    username: str = ""
    password: str = ""  # as that of an extension
    allowed_ips: list[str] = Field(default=[])


class StoredTrunk(TrunkResource):
    """A trunk as it is kept."""

    sealed_password: str = ""


class ProviderResource(Resource):
    """A carrier."""

    kind: ClassVar[str] = "provider"
    hidden: ClassVar[frozenset[str]] = frozenset({"sealed_password"})

    type: Literal["sip"] = "sip"
    hostname: str = ""
    tech_prefix: str = ""
    tech_postfix: str = ""
    tech_headers: dict[str, str] = Field(default={})
    codecs: str = ""
    name: str = ""
    detail: str = ""
    health_status: Literal["unknown", "healthy", "unhealthy"] = "unknown"
    health_checked_at: Stamp | None = None
    # Ours: how it is reached, what it is told of us, where its calls come from.
    transport: Literal["udp", "tcp", "tls"] = "udp"
    username: str = ""
    password: str = ""  # as that of an extension
    register_seconds: int = Field(default=0, ge=0, le=86_400)
    probe: int = Field(default=30, ge=0, le=3600)
    allowed_ips: list[str] = Field(default=[])
    registration: str = ""  # "trying", "registered", "failed"; "" = none is wanted
    registration_reason: str = ""  # why it failed, in words


class StoredProvider(ProviderResource):
    """A carrier as it is kept."""

    sealed_password: str = ""


class RouteResource(Resource):
    """Which carrier takes calls to which numbers."""

    kind: ClassVar[str] = "route"

    name: str = ""
    detail: str = ""
    provider_id: Id = NO_UUID
    priority: int = 0
    target: str = "all"  # "+49" or "all"


class OutboundConfigResource(Resource):
    """What may be called outside."""

    kind: ClassVar[str] = "outbound_config"

    name: str = ""
    detail: str = ""
    destination_whitelist: list[str] = Field(default=[])  # ISO 3166 alpha-2, lower case
    codecs: str = ""
    default_outgoing_source_number_id: Id = NO_UUID
