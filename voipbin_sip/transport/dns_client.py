"""Asks DNS servers with dnspython, and the machine's hosts file before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.resolver
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from voipbin_sip.transport.dns_records import Answer, DnsError, Kind, Naptr, Record, Srv

HOSTS_FILE = Path("/etc/hosts")


class DnsClient:
    """Implements `Lookup`."""

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        timeout: float = 3.0,
        hosts_file: Path = HOSTS_FILE,
    ) -> None:
        """`servers` are addresses and ports, none: those of the system; `timeout` is seconds for one question."""
        self._hosts_file = hosts_file
        self._timeout = timeout
        self._resolver: dns.asyncresolver.Resolver | None = None
        try:
            resolver = dns.asyncresolver.Resolver(configure=not servers)
        except (dns.resolver.NoResolverConfiguration, OSError):
            return  # a machine without DNS: numeric addresses and the hosts file still work
        if servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in servers]
        resolver.lifetime = timeout
        resolver.timeout = timeout / 2  # for one server, so that the second gets its turn
        self._resolver = resolver

    async def lookup(self, name: str, kind: Kind) -> Answer:
        """Return the records of a name, which is taken as complete; raises DnsError."""
        if kind in ("A", "AAAA"):
            known = addresses_in_hosts(self._hosts_file, name, kind)
            if known:
                return Answer(known)
        if self._resolver is None:
            raise DnsError("no DNS server is configured")
        try:
            question = dns.name.from_text(name)
            answer = await self._resolver.resolve(
                question, kind, raise_on_no_answer=False, lifetime=self._timeout
            )
        except dns.resolver.NXDOMAIN as error:
            return Answer((), _negative_ttl(error))
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise DnsError(f"{name} {kind}: {error}") from error
        records = () if answer.rrset is None else tuple(_record(item) for item in answer.rrset)
        return Answer(records, answer.chaining_result.minimum_ttl)


def _record(item: object) -> Record:
    if isinstance(item, NAPTR):
        return Naptr(
            item.order,
            item.preference,
            item.flags.decode("ascii", "replace"),
            item.service.decode("ascii", "replace"),
            item.regexp.decode("utf-8", "replace"),
            _text(item.replacement),
        )
    if isinstance(item, SRV):
        return Srv(item.priority, item.weight, item.port, _text(item.target))
    return str(item)


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> float | None:
    """Return how long the denial holds, by the SOA that came with it (RFC 2308 section 5)."""
    responses: Mapping[object, dns.message.QueryMessage] = error.kwargs.get("responses", {})
    return min((response.resolve_chaining().minimum_ttl for response in responses.values()), default=None)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True) if name != dns.name.root else ""


def addresses_in_hosts(path: Path, name: str, kind: Kind) -> tuple[str, ...]:
    """Return what the hosts file says about a name; read anew each time, since answers are cached."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    wanted = name.lower().rstrip(".")
    found = []
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if wanted in (other.lower() for other in names) and (":" in address) == (kind == "AAAA"):
            found.append(address)
    return tuple(found)
