"""Name servers that answer, are dead or slow, and where the domain leads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import dns.message
import dns.rrset

from tests.doctor.patients import bad, errors, found, of, patient, warnings
from voipbin_sip.doctor.finding import Level
from voipbin_sip.doctor.names import names


class _Dns(asyncio.DatagramProtocol):
    def __init__(self, records: Mapping[tuple[str, str], str], delay: float) -> None:
        self._records = records
        self._delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        asked = query.question[0]
        answer = dns.message.make_response(query)
        kind = asked.to_text().split()[-1]
        text = self._records.get((asked.name.to_text(omit_final_dot=True), kind))
        if text is not None:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, text))
        wire = answer.to_wire()
        asyncio.get_running_loop().call_later(
            self._delay,
            self._transport.sendto,  # type: ignore[attr-defined]
            wire,
            addr,
        )


@asynccontextmanager
async def dns_server(records: Mapping[tuple[str, str], str], delay: float = 0.0) -> AsyncIterator[str]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Dns(records, delay), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


async def test_a_server_that_answers_and_a_domain_that_leads_here(tmp_path: Path) -> None:
    async with dns_server({("phones.example.org", "A"): "127.0.0.1"}) as server:
        whom = patient(tmp_path, domain="phones.example.org", dns={"servers": [server]})
        findings = await found(names, whom)
    assert bad(findings) == []
    told = of(Level.OK, findings)
    assert f"the name server {server} answers" in told[0]
    assert "phones.example.org leads to us: 127.0.0.1" in told[1]


async def test_a_domain_that_leads_elsewhere(tmp_path: Path) -> None:
    async with dns_server({("phones.example.org", "A"): "203.0.113.77"}) as server:
        whom = patient(tmp_path, domain="phones.example.org", dns={"servers": [server]})
        (told,) = of(Level.INFO, await found(names, whom))
    assert "leads to 203.0.113.77, which is not this machine" in told


async def test_the_public_address_of_our_router_is_ours(tmp_path: Path) -> None:
    async with dns_server({("phones.example.org", "A"): "203.0.113.77"}) as server:
        whom = patient(
            tmp_path,
            domain="phones.example.org",
            dns={"servers": [server]},
            sip={"listen": ["udp://127.0.0.1:5060"], "advertise": "203.0.113.77"},
        )
        assert of(Level.INFO, await found(names, whom)) == []


async def test_one_dead_server_of_two(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        silent = f"127.0.0.1:{dead.getsockname()[1]}"
        async with dns_server({}) as server:
            whom = patient(tmp_path, dns={"servers": [silent, server], "timeout": 0.3})
            findings = await found(names, whom)
    (told,) = warnings(findings)
    assert f"the name server {silent} does not answer: no answer in time" in told
    assert errors(findings) == []


async def test_no_server_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        whom = patient(tmp_path, dns={"servers": [f"127.0.0.1:{dead.getsockname()[1]}"], "timeout": 0.3})
        (told,) = errors(await found(names, whom))
    assert "no name server answers" in told and "dns.servers" in told


async def test_a_slow_server(tmp_path: Path) -> None:
    async with dns_server({}, delay=0.6) as server:
        (told,) = warnings(await found(names, patient(tmp_path, dns={"servers": [server]})))
    assert "takes 6" in told and "ms" in told
