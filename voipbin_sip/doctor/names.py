"""DNS: do the configured servers answer, how quickly, and does the domain lead here."""

from __future__ import annotations

import time

from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.doctor.together import together
from voipbin_sip.sip.next_hop import is_address
from voipbin_sip.transport.address import is_local
from voipbin_sip.transport.dns_client import DnsClient
from voipbin_sip.transport.dns_records import DnsError
from voipbin_sip.values import split_host_port

SLOW = 0.5  # seconds
ASKED = "."  # the root: every server that serves at all knows it
RESERVED = (".test", ".example", ".invalid", ".localhost", ".local")  # RFC 6761, RFC 6762: in no public DNS


async def names(patient: Patient, notes: Notes) -> None:
    """Ask each name server, then for our own domain."""
    terms = patient.config.dns
    where = patient.key("dns", "servers")
    timeout = min(terms.timeout, 3.0)
    configured = terms.servers or _of_system()
    if not configured:
        notes.warning(
            "this machine has no name server",
            "providers and webhooks must be named by their addresses: add dns.servers",
            where=where,
        )
        return
    alive = await together(notes, configured, lambda own, text: _alive(own, text, timeout, where))
    if not any(alive):
        notes.error(
            "no name server answers",
            "providers and webhooks with names cannot be reached: change dns.servers, or the network",
            where=where,
        )
        return
    await _domain(patient, notes, timeout)


async def _alive(notes: Notes, server: str, timeout: float, where: str) -> bool:
    client = DnsClient([split_host_port(server, 53)], timeout=timeout)
    began = time.monotonic()
    try:
        await client.lookup(ASKED, "A")
    except DnsError as error:
        notes.warning(
            f"the name server {server} does not answer: {_short(error)}",
            "each new name waits for it first: remove it from dns.servers or /etc/resolv.conf",
            where=where,
        )
        return False
    took = time.monotonic() - began
    if took > SLOW:
        notes.warning(
            f"the name server {server} takes {took * 1000:.0f} ms", "a nearer one: dns.servers", where=where
        )
    else:
        notes.ok(f"the name server {server} answers in {took * 1000:.0f} ms")
    return True


async def _domain(patient: Patient, notes: Notes, timeout: float) -> None:
    """Say where phones that are told only the domain would go."""
    domain, where = patient.config.domain, patient.key("domain")
    if is_address(domain):
        return
    if domain.lower().endswith(RESERVED) or "." not in domain:
        notes.info(
            f"the domain {domain} is in no public DNS",
            "phones are given the server's address besides (as proxy), or `domain` a name of your own",
            where=where,
        )
        return
    servers = [split_host_port(text, 53) for text in patient.config.dns.servers]
    client = DnsClient(servers, timeout=timeout)
    try:
        services = [await client.lookup(f"{by}.{domain}", "SRV") for by in ("_sip._udp", "_sips._tcp")]
        found = [str(one) for kind in ("A", "AAAA") for one in (await client.lookup(domain, kind)).records]
    except DnsError as error:
        notes.info(
            f"the domain {domain} is not known: {_short(error)}", "phones need an address", where=where
        )
        return
    ours = [one for one in found if is_local(one) or one == patient.config.sip.advertise]
    if any(one.records for one in services):
        notes.ok(f"{domain} has SRV records for SIP")
    elif ours:
        notes.ok(f"{domain} leads to us: {', '.join(ours)}")
    elif found:
        notes.info(
            f"{domain} leads to {', '.join(found[:4])}, which is not this machine",
            "right behind a router or proxy; else phones that are told only the domain do not find us",
            where=where,
        )
    else:
        notes.info(
            f"{domain} has no address in DNS",
            "phones are given the server's address besides (as proxy), or the domain an A record",
            where=where,
        )


def _of_system() -> list[str]:
    """Return the name servers of this machine."""
    import dns.resolver

    try:
        found = dns.resolver.Resolver().nameservers
    except (dns.resolver.NoResolverConfiguration, OSError):
        return []
    return [f"[{one}]" if ":" in str(one) else str(one) for one in found]


def _short(error: Exception) -> str:
    text = str(error)
    return "no answer in time" if "timed out" in text or "lifetime" in text else text[:200]
