"""Ports that are taken by others, not ours to open, or shared with the kernel."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doctor.patients import bad, errors, found, patient, warnings
from tests.phones import ports as free_ports
from voipbin_sip.doctor.owners import PROC, owners, sockets
from voipbin_sip.doctor.ports import EPHEMERAL, ports

HOLD = """
import socket, sys
s = socket.socket(type=socket.SOCK_{kind})
s.bind(("127.0.0.1", {port}))
{more}
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def held(kind: str, port: int) -> Iterator[int]:
    """Have another process take a port; yields its id."""
    more = "s.listen()" if kind == "STREAM" else ""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(kind=kind, port=port, more=more)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        child.stdout.readline()
        yield child.pid
    finally:
        child.stdin.close()
        child.stdout.close()
        child.wait()


async def test_free_ports_are_in_order(tmp_path: Path) -> None:
    assert bad(await found(ports, patient(tmp_path))) == []


@pytest.mark.parametrize(("transport", "kind"), [("udp", "DGRAM"), ("tcp", "STREAM")])
async def test_who_has_a_port_is_named(tmp_path: Path, transport: str, kind: str) -> None:
    port = free_ports.free()
    whom = patient(tmp_path, sip={"listen": [f"{transport}://127.0.0.1:{port}"]})
    with held(kind, port) as pid:
        (told,) = errors(await found(ports, whom))
    assert f"{transport}://127.0.0.1:{port} is taken by" in told
    assert f"(process {pid})" in told
    assert f"kill {pid}" in told
    assert "sip.listen" in told


async def test_the_port_of_the_api_is_looked_at_too(tmp_path: Path) -> None:
    port = free_ports.free()
    whom = patient(tmp_path, http={"listen": f"127.0.0.1:{port}"})
    with held("STREAM", port) as pid:
        (told,) = errors(await found(ports, whom))
    assert "http.listen" in told and str(pid) in told


async def test_an_address_of_another_machine(tmp_path: Path) -> None:
    whom = patient(tmp_path, sip={"listen": ["udp://203.0.113.9:5060"]})
    (told,) = errors(await found(ports, whom))
    assert "no address 203.0.113.9" in told
    assert "0.0.0.0" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give its rights up")
async def test_a_port_below_1024_without_the_right_to_it(tmp_path: Path) -> None:
    whom = patient(tmp_path, sip={"listen": ["udp://127.0.0.1:260"]})
    os.seteuid(65_534)
    try:
        (told,) = errors(await found(ports, whom))
    finally:
        os.seteuid(0)
    assert "may not open port 260" in told
    assert "CAP_NET_BIND_SERVICE" in told


async def test_a_range_that_the_kernel_gives_away(tmp_path: Path) -> None:
    low = int((PROC / EPHEMERAL).read_text().split()[0])
    whom = patient(tmp_path, media={"ports": f"{low - 200}-{low + 99}"})
    told = [text for text in warnings(await found(ports, whom)) if "kernel" in text]
    assert len(told) == 1
    assert f"shares {low}-{low + 99}" in told[0]


async def test_too_few_ports_for_what_is_allowed(tmp_path: Path) -> None:
    first = free_ports.free_block(8)
    whom = patient(tmp_path, media={"ports": f"{first}-{first + 7}"})
    (told,) = warnings(await found(ports, whom))
    assert "enough for 4 phones" in told
    assert "30 calls" in told


async def test_another_program_within_the_range(tmp_path: Path) -> None:
    first = free_ports.free_block(140)
    whom = patient(tmp_path, media={"ports": f"{first}-{first + 139}"})
    with held("DGRAM", first + 10) as pid:
        (told,) = warnings(await found(ports, whom))
    assert f"process {pid}" in told
    assert f"the first is {first + 10}" in told


async def test_the_sip_port_within_the_range(tmp_path: Path) -> None:
    first = free_ports.free_block(200)
    listen = [f"udp://127.0.0.1:{first + 20}"]
    whom = patient(tmp_path, sip={"listen": listen}, media={"ports": f"{first}-{first + 199}"})
    (told,) = errors(await found(ports, whom))
    assert f"has the SIP port {first + 20}" in told


def test_sockets_of_both_families_are_read_from_the_kernel() -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.bind((host, 0))
            (seen,) = [s for s in sockets() if s.port == one.getsockname()[1] and s.host == host]
            assert seen.kind == "udp"
            assert owners([seen.inode])[seen.inode].pid == os.getpid()


async def test_an_api_that_listens_on_a_name(tmp_path: Path) -> None:
    port = free_ports.free()
    whom = patient(tmp_path, http={"listen": f"localhost:{port}"})
    assert bad(await found(ports, whom)) == []
    with held("STREAM", port) as pid:
        assert f"process {pid}" in errors(await found(ports, whom))[0]
