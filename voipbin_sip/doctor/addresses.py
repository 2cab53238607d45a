"""Addresses and NAT: what others are told of us, and whether it leads back here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.sip.next_hop import is_address
from voipbin_sip.transport.address import is_local, local_address_towards, parse_listen_address
from voipbin_sip.web.guard import is_public

SOMEWHERE = "192.0.2.1"  # outside (RFC 5737); nothing is sent there
SOMEWHERE_6 = "2001:db8::1"  # RFC 3849
CONTAINER_SIGNS = (Path("/.dockerenv"), Path("/run/.containerenv"))
DOCKER = ipaddress.ip_network("172.16.0.0/12")  # from which Docker takes its bridges


async def addresses(patient: Patient, notes: Notes) -> None:
    """Look at sip.listen and sip.advertise together with who is called."""
    await apart(lambda: _look(patient, notes))


def _look(patient: Patient, notes: Notes) -> None:
    hosts = [parse_listen_address(text).host for text in patient.config.sip.listen]
    outside = sorted(set(_outside(patient)))
    only_here = all(ipaddress.ip_address(host).is_loopback for host in hosts)
    where = patient.key("sip", "listen")
    if only_here and any(not _is_loopback(host) for host in outside):
        notes.error(
            f"sip.listen has loopback addresses only ({', '.join(sorted(set(hosts)))}), and providers are elsewhere: "
            f"{', '.join(outside[:3])}",
            "nothing from outside arrives there: listen on udp://0.0.0.0:5060",
            where=where,
        )
        return
    if only_here:
        notes.info(
            "sip.listen has loopback addresses only",
            "phones on this machine can call, no others: listen on udp://0.0.0.0:5060 for those",
            where=where,
        )
        return
    ours = _routed(hosts)
    if ours is None:
        notes.warning(
            "this machine has no way to the network", "plug it in, or add a default route", where=where
        )
        return
    if patient.config.sip.advertise == "auto":
        _automatic(patient, notes, ours, outside)
    else:
        _named(patient, notes, patient.config.sip.advertise, ours)
    _families(notes, hosts, where)


def _automatic(patient: Patient, notes: Notes, ours: str, outside: list[str]) -> None:
    where = patient.key("sip", "advertise")
    if _in_container() and ipaddress.ip_address(ours) in DOCKER:
        notes.warning(
            f"we are in a container whose address {ours} is told to everybody: others cannot reach it",
            "run it with the host's network (--network host), or set sip.advertise to the host's address and "
            "publish the ports of sip.listen and media.ports",
            where=where,
        )
        return
    away = [host for host in outside if not is_address(host) or is_public(host)]
    if not is_public(ours) and away:
        notes.warning(
            f"providers ({', '.join(away[:3])}) are told our private address {ours} (sip.advertise: auto)",
            "behind a router sound comes one way only: set sip.advertise to its public address and "
            "sip.local_networks to the own network; see docs/nat.md. Ignore this where they are in a VPN",
            where=where,
        )
        return
    notes.ok(f"others are told the address that reaches them, {ours} towards the network")


def _named(patient: Patient, notes: Notes, advertise: str, ours: str) -> None:
    where = patient.key("sip", "advertise")
    if is_local(advertise):
        notes.ok(f"others are told {advertise}, which this machine has")
        return
    if not is_public(advertise):
        notes.warning(
            f"sip.advertise is {advertise}, which this machine does not have, and no public address either",
            f"mistyped, or moved meanwhile? Ours is {ours}; `auto` finds it",
            where=where,
        )
    elif not patient.config.sip.local_networks:
        notes.warning(
            f"others are told {advertise}, a router's; sip.local_networks is empty",
            f"phones beside this machine send their sound to the router, too: set it to their network, that of {ours}",
            where=where,
        )
    else:
        notes.ok(f"others are told {advertise}; own networks: {', '.join(patient.config.sip.local_networks)}")
    notes.info(
        f"the router at {advertise} has to forward SIP and UDP {patient.config.media.ports} to {ours}",
        "each port to the same port; its SIP helper (ALG) off",
        where=where,
    )


def _families(notes: Notes, hosts: list[str], where: str) -> None:
    v6 = local_address_towards(SOMEWHERE_6)
    if not any(":" in host for host in hosts) and is_public(v6):
        notes.info(
            f"this machine has IPv6 ({v6}), and SIP is not served there",
            'phones and providers with IPv6 only want "udp://[::]:5060" in sip.listen',
            where=where,
        )


def _outside(patient: Patient) -> Iterator[str]:
    """Yield the hosts of providers."""
    for provider in patient.directory.providers:
        yield provider.host


def _routed(hosts: list[str]) -> str | None:
    """Return our address as others see it without a NAT, None where there is none."""
    for host in hosts:
        address = ipaddress.ip_address(host)
        if not address.is_unspecified:
            if not address.is_loopback:
                return host
            continue
        found = local_address_towards(SOMEWHERE_6 if ":" in host else SOMEWHERE)
        if not ipaddress.ip_address(found).is_loopback:
            return found
    return None


def _in_container() -> bool:
    return any(sign.exists() for sign in CONTAINER_SIGNS)


def _is_loopback(host: str) -> bool:
    if not is_address(host):
        return host == "localhost"
    return ipaddress.ip_address(host).is_loopback
