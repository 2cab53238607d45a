"""Our own wire: does SIP sent to our addresses arrive and come back, does UDP pass a pair of media ports."""

from __future__ import annotations

import shutil
import socket
import time
from functools import partial
from pathlib import Path

from media.ports import NoPort, PortPool
from voipbin_sip.doctor.addresses import SOMEWHERE, SOMEWHERE_6
from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.doctor.sipline import SipLine, sip_line
from voipbin_sip.doctor.together import together
from voipbin_sip.sip.errors import SipError
from voipbin_sip.transport.address import ListenAddress, local_address_towards, parse_listen_address
from voipbin_sip.transport.resolver import Place
from voipbin_sip.transport.tls_stream import TlsFault

PATIENCE = 6.0  # seconds, on one machine
SLOW = 1.0  # seconds
ECHO_SECONDS = 1.0
_FIREWALLS = ("nft", "iptables", "ufw", "firewall-cmd")
_PLACES = (Path("/usr/sbin"), Path("/sbin"))


async def wire(patient: Patient, notes: Notes) -> None:
    """Send OPTIONS to the running server, and sound's packets to ourselves."""
    hosts = list(dict.fromkeys(_own(one) for one in _listening(patient)))
    for host in hosts:
        await apart(partial(_echo, patient, notes, host))
    if patient.server is not None:
        await _greet(patient, notes)
    found = [name for name in _FIREWALLS if _is_installed(name)]
    if found and any(not _is_loopback(host) for host in hosts):
        listening = ", ".join(sorted({f"{one.transport.upper()} {one.port}" for one in _listening(patient)}))
        notes.info(
            f"this machine has a firewall's tools ({', '.join(found)}); whether one is closed is not seen from inside",
            f"open for callers: {listening.replace('TLS', 'TCP')}, UDP {patient.config.media.ports}",
        )


async def _greet(patient: Patient, notes: Notes) -> None:
    """Ask the server at all its addresses at once."""
    try:
        async with sip_line(patient.config, patient.places) as line:
            await together(notes, _listening(patient), lambda own, one: _ask(patient, own, line, one))
    except OSError as error:
        notes.warning(f"no socket can be opened beside the server's: {error.strerror}", "see 'ports'")


async def _ask(patient: Patient, notes: Notes, line: SipLine, address: ListenAddress) -> None:
    transport = address.transport.upper()
    host = _own(address)
    place = Place(transport, host, address.port, patient.config.domain)
    began = time.monotonic()
    try:
        hop = line.hop(place)
        if transport != "UDP":
            await line.connect(place)
        answer = await line.ask("OPTIONS", hop, uri=f"sip:{patient.config.domain}", seconds=PATIENCE)
    except LookupError:
        return  # TLS whose files are no good; the area "certificate" says so
    except TlsFault as fault:
        notes.warning(
            f"{address} does not speak TLS with one who checks names: {fault}",
            "phones that check it hang up; see the area 'certificate'",
            where=patient.key("sip", "tls"),
        )
        return
    except (OSError, TimeoutError, SipError) as error:
        notes.error(
            f"the server runs, but {address} takes no connection: {error or 'no answer in time'}",
            "was sip.listen changed since its start? Else start it anew",
            where=patient.key("sip", "listen"),
        )
        return
    if answer is None:
        notes.error(
            f"the server runs, but does not answer OPTIONS at {host}:{address.port}/{address.transport}",
            "a firewall on this machine, or protection.exempt without 127.0.0.0/8; see the server's log",
            where=patient.key("sip", "listen"),
        )
        return
    took = time.monotonic() - began
    text = f"{address} answers {answer.status} from {answer.hop.remote[0]}:{answer.hop.remote[1]}"
    if took > SLOW:
        notes.warning(
            f"{text}, after {took:.1f} s only",
            "calls begin as late: the machine is overloaded; see the areas 'machine' and 'server'",
        )
    else:
        notes.ok(f"{text} ({took * 1000:.0f} ms)")


def _echo(patient: Patient, notes: Notes, host: str) -> None:
    """Send a packet from one port of a media pair to the other."""
    pool = PortPool(patient.config.media.port_range, time.monotonic)
    where = patient.key("media", "ports")
    try:
        port, first, second = pool.open(host)
    except NoPort as error:
        notes.error(
            f"{error}", "no call can have sound: widen media.ports or end what uses them", where=where
        )
        return
    except OSError as error:
        notes.error(f"no media port on {host}: {error.strerror}", "see the area 'addresses'", where=where)
        return
    word = b"voipbin-sip doctor"
    with first, second:
        second.settimeout(ECHO_SECONDS)
        try:
            first.sendto(word, (host, port + 1))
            heard = second.recv(100) == word
        except (TimeoutError, OSError):
            heard = False
    if heard:
        notes.ok(f"UDP goes from {host}:{port} to {host}:{port + 1}")
    else:
        notes.error(
            f"a packet from {host}:{port} to {host}:{port + 1} is lost",
            f"a firewall on this machine drops UDP {patient.config.media.ports}: open it",
            where=where,
        )


def _listening(patient: Patient) -> list[ListenAddress]:
    return [parse_listen_address(text) for text in patient.config.sip.listen]


def _own(address: ListenAddress) -> str:
    """Return an address of ours under which a listen address is reached."""
    if not address.is_wildcard:
        return address.host
    return local_address_towards(SOMEWHERE_6 if address.family is socket.AF_INET6 else SOMEWHERE)


def _is_loopback(host: str) -> bool:
    return host.startswith("127.") or host == "::1"


def _is_installed(name: str) -> bool:
    return shutil.which(name) is not None or any((folder / name).exists() for folder in _PLACES)
