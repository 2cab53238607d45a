"""Real DNS over loopback: a small server made of dnspython's messages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from voipbin_sip.sip.uri import parse_uri
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.dns_client import DnsClient, addresses_in_hosts
from voipbin_sip.transport.dns_records import DnsError, Naptr, Srv
from voipbin_sip.transport.resolver import Resolver

ZONE = [
    ('example.test. 300 IN NAPTR 10 20 "s" "SIP+D2U" "" _sip._udp.example.test.'),
    ("_sip._udp.example.test. 120 IN SRV 10 60 5070 a.example.test."),
    ("_sip._udp.example.test. 120 IN SRV 20 0 5080 b.example.test."),
    ("a.example.test. 60 IN A 192.0.2.1"),
    ("a.example.test. 60 IN AAAA 2001:db8::1"),
    ("b.example.test. 60 IN CNAME c.example.test."),
    ("c.example.test. 30 IN A 192.0.2.2"),
    ("no.example.test. 60 IN SRV 0 0 0 ."),
]
SOA = "test. 900 IN SOA ns.test. admin.test. 1 3600 600 86400 45"


class Zone(asyncio.DatagramProtocol):
    """Answers from ZONE; names below `broken.` fail, names below `silent.` get no answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text().lower()
        if name.endswith("silent."):
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        if name.endswith("broken."):
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(response, name, query.question[0].rdtype.name)
        self.transport.sendto(response.to_wire(), addr)

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        known = [line.split(" ", 4) for line in ZONE]
        for owner, ttl, _, of_kind, text in known:
            if owner == name and of_kind in (kind, "CNAME"):
                found = response.find_rrset(
                    response.answer,
                    dns.name.from_text(owner),
                    dns.rdataclass.IN,
                    dns.rdatatype.from_text(of_kind),
                    create=True,
                )
                rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(of_kind), text)
                found.add(rdata, int(ttl))
                if of_kind == "CNAME":
                    self._fill(response, text, kind)
        if not response.answer:
            if all(owner != name for owner, *_ in known):
                response.set_rcode(dns.rcode.NXDOMAIN)
            owner, seconds, _, _, text = SOA.split(" ", 4)
            response.authority.append(dns.rrset.from_text(owner, int(seconds), "IN", "SOA", text))


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Zone, local_addr=("127.0.0.1", 0))
    yield transport.get_extra_info("sockname")
    transport.close()


async def test_records_as_they_come_over_the_wire(server: tuple[str, int]) -> None:
    client = DnsClient([server], hosts_file=Path("/nonexistent"))
    answer = await client.lookup("example.test", "NAPTR")
    assert answer.records == (Naptr(10, 20, "s", "SIP+D2U", "", "_sip._udp.example.test"),)
    assert answer.ttl == 300
    services = await client.lookup("_sip._udp.example.test", "SRV")
    assert set(services.records) == {
        Srv(10, 60, 5070, "a.example.test"),
        Srv(20, 0, 5080, "b.example.test"),
    }
    assert (await client.lookup("no.example.test", "SRV")).records == (Srv(0, 0, 0, ""),)
    assert (await client.lookup("a.example.test", "AAAA")).records == ("2001:db8::1",)


async def test_the_time_to_live_is_the_least_on_the_way(server: tuple[str, int]) -> None:
    answer = await DnsClient([server], hosts_file=Path("/nonexistent")).lookup("b.example.test", "A")
    assert (answer.records, answer.ttl) == (("192.0.2.2",), 30)


@pytest.mark.parametrize("name", ["a.example.test", "nothing.example.test"])
async def test_a_no_holds_as_long_as_the_zone_says(server: tuple[str, int], name: str) -> None:
    answer = await DnsClient([server], hosts_file=Path("/nonexistent")).lookup(name, "NAPTR")
    assert (answer.records, answer.ttl) == ((), 45)


@pytest.mark.parametrize("name", ["a.broken", "a.silent", "a..b", "x" * 70 + ".test"])
async def test_no_answer_is_an_error_of_ours(server: tuple[str, int], name: str) -> None:
    client = DnsClient([server], timeout=0.2, hosts_file=Path("/nonexistent"))
    with pytest.raises(DnsError):
        await client.lookup(name, "A")


async def test_the_second_server_is_asked_when_the_first_is_silent(server: tuple[str, int]) -> None:
    loop = asyncio.get_running_loop()
    deaf, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    client = DnsClient(
        [deaf.get_extra_info("sockname"), server], timeout=1.0, hosts_file=Path("/nonexistent")
    )
    assert (await client.lookup("a.example.test", "A")).records == ("192.0.2.1",)
    deaf.close()


async def test_a_uri_all_the_way(server: tuple[str, int]) -> None:
    clock = asyncio.get_running_loop().time
    cache = DnsCache(DnsClient([server], hosts_file=Path("/nonexistent")), clock=clock)
    resolver = Resolver(cache, families=(4, 6), clock=clock, chance=random.Random(1))
    places = await resolver.resolve(parse_uri("sip:100@example.test"))
    assert [(place.transport, place.host, place.port) for place in places] == [
        ("UDP", "192.0.2.1", 5070),
        ("UDP", "2001:db8::1", 5070),
        ("UDP", "192.0.2.2", 5080),
    ]
    await cache.close()


async def test_the_hosts_file_comes_first(server: tuple[str, int], tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n# 10.0.0.1 a.example.test\n192.0.2.77\tKamailio A.Example.test # ours\n::1 kamailio\n\n"
    )
    client = DnsClient([server], hosts_file=hosts)
    assert (await client.lookup("a.example.test", "A")).records == ("192.0.2.77",)
    assert (await client.lookup("a.example.test", "AAAA")).records == ("2001:db8::1",)
    assert addresses_in_hosts(hosts, "kamailio.", "AAAA") == ("::1",)
    assert addresses_in_hosts(hosts, "ours", "A") == ()
