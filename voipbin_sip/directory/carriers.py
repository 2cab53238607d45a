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
    host_and_port,
)
from voipbin_sip.toll.limits import CallLimitsEntry

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}


class TrunkEntry(Entry):
    """A customer's PBX, which calls in and out through us. Either kind of authentication is enough."""

    domain_name: Label  # its calls go to <domain_name>.trunk.<domain>, which is also the realm
    name: str = ""
    detail: str = ""
    auth_types: tuple[Literal["basic", "ip"], ...] = Field(min_length=1)
    username: str = ""
    password: Password | None = None
    password_file: Path | None = None
    allowed_ips: tuple[Network, ...] = ()
    transfers: bool = False  # whether it may send its calls elsewhere (REFER)
    limits: CallLimitsEntry = CallLimitsEntry()  # of the calls that go out for it

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

    prefix: Prefix = ""  # "" = of every number
    by: Dialled = ""


class CallerIdEntry(Entry):
    """Whom a provider's calls show."""

    number: OptionalE164 = ""  # for all calls; "" = the caller's where it is a number of ours
    user: Literal["number", "username"] = (
        "number"  # what stands in From; the number goes into P-Asserted-Identity
    )
    domain: OptionalHost = ""  # of From; "" = the provider's hostname
    asserted: Literal["hidden", "always", "never"] = "hidden"  # when P-Asserted-Identity is sent
    rewrite: tuple[RewriteEntry, ...] = ()  # of the number that is shown


class ProviderEntry(Entry):
    """A carrier."""

    id: Name
    name: str = ""
    detail: str = ""
    type: Literal["sip"] = "sip"
    hostname: HostPort
    transport: Literal["udp", "tcp", "tls"] = "udp"
    tech_prefix: Dialled = ""
    tech_postfix: Dialled = ""
    tech_headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    codecs: Codecs = ()  # offered, in this order; none named: all that we have
    username: str = ""  # for its digest challenges, and for the registration
    password: Password | None = None
    password_file: Path | None = None
    register_seconds: int = Field(default=0, alias="register", ge=0, le=86_400)  # 0 = no registration
    probe: int = Field(default=30, ge=0, le=3600)  # seconds between two OPTIONS; 0 = none
    allowed_ips: tuple[Network, ...] = ()  # where its calls come from
    caller_id: CallerIdEntry = CallerIdEntry()
    rewrite_out: tuple[RewriteEntry, ...] = ()  # of the number that we dial, before prefix and postfix
    rewrite_in: tuple[RewriteEntry, ...] = ()  # of numbers in its calls: who is called and who calls
    transfers: bool = False
    limits: CallLimitsEntry = CallLimitsEntry()  # of the calls that it carries
    srtp: Literal["off", "optional", "required"] = "off"

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

    provider_id: str
    priority: int = 0
    target: RouteTarget = "all"
    name: str = ""
    detail: str = ""

    def fits(self, number: str) -> bool:
        """Return whether an E.164 number may go by it."""
        return self.target == "all" or number.startswith(self.target)
