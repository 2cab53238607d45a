"""What the resolver needs of DNS, whoever answers: the server's client, its cache, or a test's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Kind: TypeAlias = Literal["NAPTR", "SRV", "A", "AAAA"]


@dataclass(frozen=True, slots=True)
class Naptr:
    """RFC 3403 section 4.1."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """RFC 2782. A `target` of "" (the root) says that the service is not to be had."""

    priority: int
    weight: int
    port: int
    target: str


Record: TypeAlias = Naptr | Srv | str  # addresses as text


@dataclass(frozen=True, slots=True)
class Answer:
    """All records of a name and kind, none if there are none, and for how many seconds that holds."""

    records: tuple[Record, ...]
    ttl: float | None = None  # None: not said


class DnsError(Exception):
    """No server gave an answer, neither yes nor no."""


class Lookup(Protocol):
    """One question to DNS."""

    async def lookup(self, name: str, kind: Kind) -> Answer:
        """Return the records; raises DnsError."""
