"""Customers' PBXes that are known by their address: is one there (OPTIONS, RFC 3261 section 11), and who may be it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from voipbin_sip.directory import TrunkEntry
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.doctor.sipline import SipLine, sip_line
from voipbin_sip.doctor.together import together
from voipbin_sip.sip.errors import SipError
from voipbin_sip.sip.uri import Uri
from voipbin_sip.transport.resolver import Place

PORT = 5060
MOST = 20  # addresses
WIDE = {4: 16, 6: 32}  # networks wider than this hold others' machines too


async def trunks(patient: Patient, notes: Notes) -> None:
    """Ask each single address of `allowed_ips`; a PBX may well listen elsewhere, so silence is no fault."""
    entries = patient.directory.trunks
    if not entries:
        notes.ok("no trunks in the directory")
        return
    for entry in entries:
        _networks(patient, notes, entry)
    asked = [(entry, host) for entry in entries for host in _hosts(entry)][:MOST]
    try:
        async with sip_line(patient.config, patient.places) as line:
            await together(notes, asked, lambda own, one: _ask(own, line, *one))
    except OSError as error:
        notes.error(f"no socket can be opened beside those of sip.listen: {error.strerror}", "see 'ports'")
    if not notes.found:
        notes.ok(f"{len(entries)} with a password: a PBX shows itself when it calls")


def _hosts(entry: TrunkEntry) -> Iterator[str]:
    """Yield the single addresses from which a trunk's calls come."""
    for text in entry.allowed_ips if "ip" in entry.auth_types else ():
        network = ipaddress.ip_network(text, strict=False)
        if network.num_addresses == 1:
            yield str(network.network_address)


def _networks(patient: Patient, notes: Notes, entry: TrunkEntry) -> None:
    for text in entry.allowed_ips if "ip" in entry.auth_types else ():
        network = ipaddress.ip_network(text, strict=False)
        if network.prefixlen < WIDE[network.version]:
            notes.warning(
                f"trunk {entry.domain_name}: all of {text} calls without a password",
                "whoever has an address there calls on its bill: name the PBX's own address",
                where=patient.entry("trunks", "domain_name", entry.domain_name),
            )


async def _ask(notes: Notes, line: SipLine, entry: TrunkEntry, host: str) -> None:
    place = Place("UDP", host, PORT, host)
    try:
        answer = await line.ask("OPTIONS", line.hop(place), uri=str(Uri("sip", host=host)))
    except (LookupError, SipError):
        return  # it is reached by another transport than UDP
    if answer is not None:
        notes.ok(f"trunk {entry.domain_name}: its PBX at {host} answers {answer.status}")
    else:
        notes.info(
            f"trunk {entry.domain_name}: nobody answers OPTIONS at {host}:{PORT}/udp",
            "fine if its PBX has another port or is silent to strangers; else check allowed_ips and the firewall",
        )
