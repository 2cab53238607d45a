"""The ways to the telephone network: trunks (customers' PBXes), providers (carriers), and routes to providers.

Field names are VoIPBIN's, with keys of ours beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from voipbin_sip.directory.fields import (
    Codecs,
    Dialled,
    Entry,
    HeaderName,
    HeaderValue,
    HostPort,
    Label,
    Name,
    Network,
    OptionalE164,
    OptionalHost,
    Password,
    Prefix,
    RouteTarget,
)
from voipbin_sip.toll.limits import CallLimitsEntry
from voipbin_sip.values import host_and_port

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}


class TrunkEntry(Entry):
    """A customer's PBX, which calls in and out through us. Either kind of authentication is enough."""

    domain_name: Label = Field(
        description="Its calls go to DOMAIN_NAME.trunk.DOMAIN, which is also the realm"
    )
    name: str = Field(default="", description="For people")
    detail: str = Field(default="", description="For people")
    auth_types: tuple[Literal["basic", "ip"], ...] = Field(
        min_length=1,
        description="How it proves itself: basic (a password), ip (its address); either is enough",
    )
    username: str = Field(default="", description="For basic")
    password: Password | None = Field(default=None, description="For basic")
    password_file: Path | None = Field(
        default=None, description="File that holds the password, in place of it"
    )
    allowed_ips: tuple[Network, ...] = Field(
        default=(), description="For ip: addresses and networks that its calls come from"
    )
    transfers: bool = Field(default=False, description="Whether it may send its calls elsewhere (REFER)")
    limits: CallLimitsEntry = Field(
        default=CallLimitsEntry(),
        description="Of calls outside that it pays for, each in the place of the one in outbound.limits",
    )

    @model_validator(mode="after")
    def _can_prove_itself(self) -> Self:
        secret = self.password is not None or self.password_file is not None
        if "basic" in self.auth_types and not (self.username and secret):
            raise ValueError("auth_types has basic: 'username' and 'password' or 'password_file' are missing")
        if "ip" in self.auth_types and not self.allowed_ips:
            raise ValueError("auth_types has ip: 'allowed_ips' is missing")
        return self


class RewriteEntry(Entry):
    """What the beginning of a number is replaced by; the first of a list that fits counts."""

    prefix: Prefix = Field(default="", description="Beginning of the number; empty: of every number")
    by: Dialled = Field(default="", description="What takes its place")


class CallerIdEntry(Entry):
    """Whom a provider's calls show."""

    number: OptionalE164 = Field(
        default="", description="Number that all calls show; empty: the caller's where it is one of ours"
    )
    user: Literal["number", "username"] = Field(
        default="number",
        description="What stands in From; with username the number goes into P-Asserted-Identity",
    )
    domain: OptionalHost = Field(default="", description="Host of From; empty: the provider's hostname")
    asserted: Literal["hidden", "always", "never"] = Field(
        default="hidden", description="When P-Asserted-Identity is sent: for hidden callers, always or never"
    )
    rewrite: tuple[RewriteEntry, ...] = Field(default=(), description="Rules for the number that is shown")


class ProviderEntry(Entry):
    """A carrier."""

    id: Name = Field(description="Name, for routes")
    name: str = Field(default="", description="For people")
    detail: str = Field(default="", description="For people")
    type: Literal["sip"] = Field(default="sip", description="Kind of provider")
    hostname: HostPort = Field(
        description="Host, host:port or [v6]:port; without a port DNS is asked (NAPTR, SRV)"
    )
    transport: Literal["udp", "tcp", "tls"] = Field(default="udp", description="How it is reached")
    tech_prefix: Dialled = Field(default="", description="Stands before the number that is dialled")
    tech_postfix: Dialled = Field(default="", description="Stands behind it")
    tech_headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        description="Further headers of the INVITE; not those that the server writes itself",
    )
    codecs: Codecs = Field(
        default=(), description="Offered in this order, none else; empty: all that we have"
    )
    username: str = Field(default="", description="For its challenges and for the registration")
    password: Password | None = Field(default=None, description="For its challenges and for the registration")
    password_file: Path | None = Field(
        default=None, description="File that holds the password, in place of it"
    )
    register_seconds: int = Field(
        default=0,
        alias="register",
        ge=0,
        le=86_400,
        description="Seconds that a registration of ours lasts; 0: it knows where we are",
    )
    probe: int = Field(default=30, ge=0, le=3600, description="Seconds between two OPTIONS; 0: none")
    allowed_ips: tuple[Network, ...] = Field(
        default=(), description="Addresses and networks that its calls come from"
    )
    caller_id: CallerIdEntry = Field(default=CallerIdEntry(), description="Whom our calls show")
    rewrite_out: tuple[RewriteEntry, ...] = Field(
        default=(),
        description="Rules for the number that is dialled, before prefix and postfix; the first that fits counts",
    )
    rewrite_in: tuple[RewriteEntry, ...] = Field(
        default=(), description="Rules for the numbers in its calls: who is called and who calls"
    )
    transfers: bool = Field(default=False, description="Whether it may send its calls elsewhere (REFER)")
    limits: CallLimitsEntry = Field(
        default=CallLimitsEntry(),
        description="Of the calls that it carries, each in the place of the one in outbound.limits.provider",
    )
    srtp: Literal["off", "optional", "required"] = Field(
        default="off", description="Encrypted sound towards it"
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        secret = self.password is not None or self.password_file is not None
        if bool(self.username) != secret:
            raise ValueError("'username' goes with 'password' or 'password_file'")
        if self.register_seconds and not self.username:
            raise ValueError("'register' needs 'username' and 'password' or 'password_file'")
        if self.caller_id.user == "username" and not self.username:
            raise ValueError("caller_id has user: username, but there is no 'username'")
        return self

    @property
    def host(self) -> str:
        """The host of `hostname`, an IPv6 address without brackets."""
        return host_and_port(self.hostname)[0]

    @property
    def port(self) -> int | None:
        """The port of `hostname`; None: RFC 3263 finds it."""
        return host_and_port(self.hostname)[1]

    @property
    def uri(self) -> str:
        """The provider as a SIP URI, without a user part."""
        return f"sip:{self.hostname};transport={self.transport}"


class RouteEntry(Entry):
    """Which provider takes calls to a target. The longest target that fits counts, then the lowest priority."""

    provider_id: str = Field(description="Provider that takes the calls")
    priority: int = Field(default=0, description="The lowest goes first among those with the same target")
    target: RouteTarget = Field(
        default="all", description="Beginning of the numbers, +49, or all; the longest that fits goes first"
    )
    name: str = Field(default="", description="For people")
    detail: str = Field(default="", description="For people")

    def fits(self, number: str) -> bool:
        """Return whether an E.164 number may go by it."""
        return self.target == "all" or number.startswith(self.target)
