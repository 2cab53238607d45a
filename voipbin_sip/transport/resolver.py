"""Where a SIP URI leads: transport, address and port, in the order to try them (RFC 3263, RFC 2782).

NAPTR says which transports a domain has, SRV which servers for one of them, A and AAAA their addresses. A list comes
back, for failover: the caller tries one after the other and tells which did not work, and those are passed over for
a while. A slow DNS server delays only the call that asks, and no longer than `budget`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.next_hop import DEFAULT_PORTS, is_address
from voipbin_sip.sip.uri import Uri
from voipbin_sip.transport.bounded import Bounded
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.dns_records import DnsError, Kind, Naptr, Record, Srv

MAX_PLACES = 16  # of one URI
OUTAGE = 60.0  # seconds that a server which failed is passed over
_SRV_NAMES = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
_SERVICES = {"sip+d2u": "UDP", "sip+d2t": "TCP", "sips+d2t": "TLS"}  # RFC 3263 section 4.1
_KINDS: dict[int, Kind] = {4: "A", 6: "AAAA"}


class ResolveError(Exception):
    """There is no way to a URI; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """One server to try."""

    transport: str  # "UDP", "TCP" or "TLS"
    host: str  # an address
    port: int
    name: str = ""  # the URI's host, which a TLS certificate must be for (RFC 5922)

    def hop(self, local: tuple[str, int]) -> Hop:
        """Return the hop there from one of our sockets."""
        return Hop(
            self.transport, local, (self.host, self.port), name=self.name if self.transport == "TLS" else ""
        )


class Resolver:
    """Resolves URIs.

    Args:
        cache: DNS.
        transports: what we can send by, the preferred one first.
        families: IP versions that we can send to, the preferred one first.
        clock: monotonic seconds.
        chance: decides among servers of the same priority.
        budget: seconds for one URI.
    """

    def __init__(
        self,
        cache: DnsCache,
        *,
        transports: Sequence[str] = ("UDP", "TCP"),
        families: Sequence[Literal[4, 6]] = (4,),
        clock: Callable[[], float],
        chance: random.Random | None = None,
        budget: float = 5.0,
    ) -> None:
        self._cache = cache
        self._transports = tuple(transports)
        self._families = tuple(families)
        self._clock = clock
        self._chance = chance or random.Random()
        self._budget = budget
        self._outages: Bounded[tuple[str, str, int], float] = Bounded(10_000)

    async def resolve(self, uri: Uri) -> list[Place]:
        """Return the servers of a sip or sips URI, best first, never none. Raises ResolveError."""
        if uri.scheme not in ("sip", "sips"):
            raise ResolveError(f"{uri.scheme}: URIs name no server")
        host = (uri.param("maddr") or uri.host).rstrip(".")
        transport = self._wanted(uri)
        if is_address(host):
            transport = transport or self._default(uri)
            return [Place(transport, host, uri.port or DEFAULT_PORTS[transport], host)]
        try:
            async with asyncio.timeout(self._budget):
                found = await self._places(uri, host, transport)
        except TimeoutError:
            raise ResolveError(f"DNS did not tell in time where {host} is") from None
        except DnsError as error:
            raise ResolveError(f"DNS does not tell where {host} is: {error}") from error
        if not found:
            raise ResolveError(f"{host} has no address for SIP")
        return self.in_order(found)

    def failed(self, place: Place, seconds: float = OUTAGE) -> None:
        """Pass a server over for a while: it did not answer, or answered 503 (then its Retry-After)."""
        self._outages[_key(place)] = self._clock() + seconds

    def worked(self, place: Place) -> None:
        """Use a server again at once."""
        self._outages.pop(_key(place), None)

    def in_order(self, places: Iterable[Place]) -> list[Place]:
        """Return servers in their order, those that failed lately last: none is left out for ever."""
        now = self._clock()
        return sorted(dict.fromkeys(places), key=lambda place: self._outages.get(_key(place), now) > now)

    def _wanted(self, uri: Uri) -> str | None:
        """Return the transport that the URI asks for, None if it leaves that to us."""
        param = (uri.param("transport") or "").upper()
        if uri.scheme == "sips" or param == "TLS":
            if param not in ("", "TCP", "TLS"):
                raise ResolveError(f"no secure transport {param}")
            param = "TLS"
        if param and param not in self._transports:
            raise ResolveError(f"transport {param} is not served here")
        return param or None

    def _default(self, uri: Uri) -> str:
        """Section 4.1: UDP, where nothing says otherwise."""
        return "UDP" if "UDP" in self._transports else self._transports[0]

    async def _places(self, uri: Uri, host: str, transport: str | None) -> list[Place]:
        if uri.port is not None:
            return await self._addresses(transport or self._default(uri), host, uri.port, host)
        if transport is not None and uri.param("transport"):
            services = [(transport, _SRV_NAMES[transport] + host)]
        else:
            among = self._transports if transport is None else (transport,)  # sips: takes secure ones only
            self._prefetch(host, among)
            services = await self._services(host, among)
        answers = await asyncio.gather(*(self._servers(name) for _, name in services))
        if all(servers is None for servers in answers):
            transport = transport or self._default(uri)
            return await self._addresses(transport, host, DEFAULT_PORTS[transport], host)
        lists = await asyncio.gather(
            *(
                self._addresses(by, server.target, server.port, host)
                for (by, _), servers in zip(services, answers, strict=True)
                for server in servers or ()
            ),
            return_exceptions=True,
        )
        places: list[Place] = []
        for item in lists:
            if isinstance(item, list):
                places += item
            elif not isinstance(item, DnsError):
                raise item
        return places[:MAX_PLACES]

    def _prefetch(self, host: str, transports: Sequence[str]) -> None:
        """Ask at once what is asked in turn below: most domains have neither NAPTR nor SRV."""
        for by in transports:
            self._cache.prefetch(_SRV_NAMES[by] + host, "SRV")
        for family in self._families:
            self._cache.prefetch(host, _KINDS[family])

    async def _services(self, host: str, transports: Sequence[str]) -> list[tuple[str, str]]:
        """Return transports and the names of their SRV records: from NAPTR, else all that we want."""
        records = [item for item in await self._records(host, "NAPTR") if isinstance(item, Naptr)]
        records.sort(key=lambda item: (item.order, item.preference))
        services = []
        for item in records:
            by = _SERVICES.get(item.service.lower())
            if by is not None and by in transports and item.flags.lower() == "s" and item.replacement:
                services.append((by, item.replacement))
        return services or [(by, _SRV_NAMES[by] + host) for by in transports]

    async def _servers(self, name: str) -> list[Srv] | None:
        """Return the servers of a service in the order to try them; None if there are no records."""
        records = [item for item in await self._records(name, "SRV") if isinstance(item, Srv)]
        if not records:
            return None
        return in_srv_order([item for item in records if item.target], self._chance)[:MAX_PLACES]

    async def _records(self, name: str, kind: Kind) -> tuple[Record, ...]:
        """Return NAPTR or SRV records. A server that does not know of them must not stop a call: none then."""
        try:
            return (await self._cache.lookup(name, kind)).records
        except DnsError:
            return ()

    async def _addresses(self, transport: str, host: str, port: int, name: str) -> list[Place]:
        """Return the addresses of a host; raises DnsError if no family could be asked."""
        if is_address(host):
            return [Place(transport, host, port, name)]
        answers = await asyncio.gather(
            *(self._cache.lookup(host, _KINDS[family]) for family in self._families), return_exceptions=True
        )
        found: list[Place] = []
        failure: BaseException | None = None
        for answer in answers:
            if isinstance(answer, BaseException):
                failure = answer
            else:
                found += [Place(transport, str(item), port, name) for item in answer.records]
        if not found and failure is not None:
            raise failure
        return found


def in_srv_order(records: Sequence[Srv], chance: random.Random) -> list[Srv]:
    """Return SRV records in the order to try them: by priority, then drawn by weight (RFC 2782)."""
    ordered: list[Srv] = []
    for priority in sorted({item.priority for item in records}):
        left = sorted((item for item in records if item.priority == priority), key=lambda item: item.weight)
        while left:  # those of weight 0 stand first: they have a small chance only
            drawn = chance.randint(0, sum(item.weight for item in left))
            for item in left:
                drawn -= item.weight
                if drawn <= 0:
                    break
            left.remove(item)
            ordered.append(item)
    return ordered


def _key(place: Place) -> tuple[str, str, int]:
    return place.transport, place.host, place.port
