"""Ports: may each address be listened on, by whom is it taken, and does the range for sound suit the machine."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from pathlib import Path

from voipbin_sip.doctor.apart import apart
from voipbin_sip.doctor.finding import Notes
from voipbin_sip.doctor.owners import PROC, Socket, family, owners, sockets, taking
from voipbin_sip.doctor.patient import Patient
from voipbin_sip.transport.address import ListenAddress, parse_listen_address

EPHEMERAL = Path("sys/net/ipv4/ip_local_port_range")


async def ports(patient: Patient, notes: Notes) -> None:
    """Look at sip.listen, http.listen and media.ports."""
    await apart(lambda: _look(patient, notes))


def _look(patient: Patient, notes: Notes) -> None:
    there = sockets()
    ours = frozenset() if patient.server is None else family(patient.server.pid)
    for text in patient.config.sip.listen:
        _listening(patient, notes, parse_listen_address(text), "sip.listen", there, ours)
    host, port = patient.config.http.address
    try:
        host = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        where = patient.key("http", "listen")
        notes.error(f"http.listen: {host} is no address of ours: {error.strerror}", "name one", where=where)
    else:
        _listening(patient, notes, ListenAddress("tcp", host, port), "http.listen", there, ours)
    _range(patient, notes, there, ours)


def _listening(
    patient: Patient,
    notes: Notes,
    address: ListenAddress,
    key: str,
    there: Sequence[Socket],
    ours: frozenset[int],
) -> None:
    where = patient.key(*key.split("."))
    shown = str(address) if key == "sip.listen" else f"{key} {patient.config.http.listen}"
    if address.port == 0:
        notes.warning(f"{shown} names no port", f"any free port is taken: write one in {key}", where=where)
        return
    fault = _bind(address)
    if fault is None:
        if patient.server is None:
            notes.ok(f"{shown} is free")
        else:
            notes.error(
                f"a server runs (process {patient.server.pid}), but does not listen on {shown}",
                "the key was changed since its start: start it anew",
                where=where,
            )
    elif fault.errno == errno.EADDRINUSE:
        kind = "udp" if address.transport == "udp" else "tcp"
        _taken(notes, shown, key, taking(kind, address.host, [address.port], there), ours, where)
    elif fault.errno == errno.EADDRNOTAVAIL:
        notes.error(
            f"{shown}: this machine has no address {address.host}",
            f"name one of its own in {key}, or 0.0.0.0 for all of them; sip.advertise is for a router's",
            where=where,
        )
    elif fault.errno in (errno.EACCES, errno.EPERM):
        notes.error(
            f"{shown}: this user may not open port {address.port}",
            "take a port from 1024 on, or give the right: AmbientCapabilities=CAP_NET_BIND_SERVICE in systemd",
            where=where,
        )
    else:
        notes.error(f"{shown} cannot be opened: {fault.strerror}", f"change {key}", where=where)


def _bind(address: ListenAddress) -> OSError | None:
    """Return why an address cannot be listened on, as the server tries it."""
    kind = socket.SOCK_DGRAM if address.transport == "udp" else socket.SOCK_STREAM
    try:
        with socket.socket(address.family, kind) as trial:
            if address.family is socket.AF_INET6:
                trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if kind is socket.SOCK_STREAM:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address.host, address.port))
            if kind is socket.SOCK_STREAM:
                trial.listen(1)  # two sockets may bind a TCP port that nobody listens on yet
    except OSError as error:
        return error
    return None


def _taken(
    notes: Notes, shown: str, key: str, holders: Sequence[Socket], ours: frozenset[int], where: str
) -> None:
    known = owners({one.inode for one in holders}).values()
    others = [owner for owner in known if owner.pid not in ours]
    if ours and not others:  # a server of another user does not show its sockets: then it is taken for it
        notes.ok(f"{shown}: our server listens")
        return
    if not others:
        notes.error(
            f"{shown} is taken by a process of another user",
            f"find it as root: ss -lnp; end it, or change {key}. If it is our server, ask as its user",
            where=where,
        )
        return
    advice = f"end it (kill {others[0].pid}) or change {key}"
    notes.error(f"{shown} is taken by {others[0]}", advice, where=where)


def _range(patient: Patient, notes: Notes, there: Sequence[Socket], ours: frozenset[int]) -> None:
    span, where = patient.config.media.port_range, patient.key("media", "ports")
    name = f"media.ports {patient.config.media.ports}"
    inside = [one for one in there if one.kind == "udp" and one.port in span]
    known = owners({one.inode for one in inside})
    foreign = [one for one in inside if one.inode not in known or known[one.inode].pid not in ours]
    listening = {parse_listen_address(text).port for text in patient.config.sip.listen}
    if clash := sorted(listening & set(span)):
        notes.error(f"{name} has the SIP port {clash[0]} in it", "let the ranges not touch", where=where)
    foreign = [one for one in foreign if one.port not in listening]
    if foreign:
        names = sorted({str(known[one.inode]) for one in foreign if one.inode in known})
        whose = f" by {', '.join(names[:3])}" if names else ""
        notes.warning(
            f"{name}: {len(foreign)} of these ports are taken{whose}, the first is {min(o.port for o in foreign)}",
            "each call avoids them, but another range or another program's settings are better",
            where=where,
        )
    _against_kernel(notes, span, name, where)
    pairs = len(span) // 2
    total = patient.config.outbound.limits.total.concurrent
    if total * 2 > pairs:
        notes.warning(
            f"{name} is enough for {pairs} phones and lines at once; "
            f"outbound.limits.total allows {total} calls with two each",
            "widen the range, and open it in the firewall",
            where=where,
        )
    elif not foreign:
        notes.ok(f"{name}: enough for {pairs} phones and lines at once")


def _against_kernel(notes: Notes, span: range, name: str, where: str) -> None:
    try:
        low, high = map(int, (PROC / EPHEMERAL).read_text().split())
    except (OSError, ValueError):
        return  # no Linux, or a container that hides it
    shared = range(max(low, span.start), min(high + 1, span.stop))
    if len(shared):
        notes.warning(
            f"{name} shares {shared.start}-{shared.stop - 1} with the ports that the kernel gives away "
            f"({low}-{high})",
            f"other programs take ports of calls: take a range below {low}, or reserve it: sysctl -w "
            f"net.ipv4.ip_local_reserved_ports={span.start}-{span.stop - 1}",
            where=where,
        )
