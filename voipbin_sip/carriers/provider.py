"""A provider as this package sees it, and what there is to tell of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from voipbin_sip.sip.uri import Uri

_PLAIN = re.compile(r"[\w.+-]+", re.ASCII)


class Health(StrEnum):
    """Whether a provider gives signs of life; VoIPBIN's words."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Registered(StrEnum):
    """How our registration with a provider stands."""

    NONE = ""  # none is wanted
    TRYING = "trying"
    REGISTERED = "registered"
    FAILED = "failed"  # and tried again now and then


@dataclass(frozen=True, slots=True)
class Provider:
    """What the directory says of a provider that matters between calls."""

    id: str
    host: str  # an IPv6 address without brackets
    port: int | None = None  # None: RFC 3263 finds it
    transport: str = "udp"
    credentials: tuple[str, str] | None = None  # user name and password
    register: int = 0  # seconds that a registration is asked for, 0 = none
    probe: float = 30.0  # seconds between two OPTIONS, 0 = none

    @property
    def uri(self) -> Uri:
        """The provider as Request-URI of what is sent to itself: its domain."""
        return Uri("sip", host=self.host, port=self.port)

    @property
    def server(self) -> Uri:
        """The URI whose servers are looked up (RFC 3263)."""
        return Uri("sip", host=self.host, port=self.port, params=(("transport", self.transport),))

    @property
    def account(self) -> str:
        """The user part of the address that we register."""
        return self.id if self.credentials is None else self.credentials[0]

    @property
    def contact_user(self) -> str:
        """The user part of our Contact: many carriers send calls to that, with the number in To only."""
        return self.account if _PLAIN.fullmatch(self.account) else self.id


@dataclass(frozen=True, slots=True)
class ProviderState:
    """How a provider is; for the API and for logs."""

    health_status: Health
    health_checked_at: datetime | None  # of the last answer, or of the last one that did not come
    registration: Registered
    why: str = ""  # of a registration that failed
    since: datetime | None = None  # of the present state of the registration
    expires: datetime | None = None  # of the registration, if no refresh works
