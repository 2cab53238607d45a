"""One binding of an extension to a phone, and the events of its life (RFC 3261 section 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.uri import parse_uri, same_uri


@dataclass(frozen=True, slots=True)
class Contact:
    """A phone as it registered.

    To call it: an INVITE with `uri` as Request-URI and `path` as Route, sent to `hop`. Times are seconds since 1970.
    One that is `doubtful` has left several signs of life unanswered, it was switched off perhaps: worth a try beside
    others, not worth waiting for. Its next REGISTER or answer clears it.
    """

    uri: str  # as the phone wrote it, without URI headers
    hop: Hop  # the way to the phone, through its NAT if there is one
    expires_at: float
    updated_at: float
    call_id: str
    cseq: int
    source: tuple[str, int]  # where the REGISTER came from
    path: tuple[str, ...] = ()  # Route values (RFC 3327), the first one next to us
    q: float = 1.0  # preference, 0 to 1
    user_agent: str = ""
    instance: str = ""  # +sip.instance with its brackets (RFC 5626 section 4.1), "" for none
    reg_id: str = ""
    doubtful: bool = field(default=False, compare=False)

    @property
    def only_by_connection(self) -> bool:
        """Whether the phone is out of reach once the connection of its REGISTER is closed."""
        return self.hop.transport != "UDP" and self.hop.remote == self.source

    @property
    def behind_nat(self) -> bool:
        """Whether a NAT must be kept open to reach the phone; behind a proxy that is the proxy's work."""
        return not self.path and parse_uri(self.uri).host.lower() != self.source[0].lower()

    def expires(self, now: float) -> int:
        """Return the whole seconds that are left."""
        return max(0, round(self.expires_at - now))

    def matches(self, uri: str) -> bool:
        """Whether a Contact URI means this binding (section 10.2.4: equality by section 19.1.4)."""
        return self.uri == uri or same_uri(parse_uri(self.uri), parse_uri(uri))


@dataclass(frozen=True, slots=True)
class Registered:
    """A binding was made, or put in the place of `old`."""

    extension: str
    contact: Contact
    old: Contact | None


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A binding is gone."""

    extension: str
    contact: Contact
    why: str  # "expired", "removed" by the phone, "replaced", "connection lost", "extension removed"


LocationEvent: TypeAlias = Registered | Unregistered
