"""Where URIs lead by RFC 3263, with a table of records in the place of DNS."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Literal

import pytest

from tests.fakes.dns import FakeDns
from voipbin_sip.sip.uri import parse_uri
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.dns_records import Srv
from voipbin_sip.transport.resolver import Place, ResolveError, Resolver, in_srv_order


class World:
    def __init__(
        self,
        *,
        transports: tuple[str, ...] = ("UDP", "TCP", "TLS"),
        families: tuple[Literal[4, 6], ...] = (4,),
        budget: float = 5.0,
        timeout: float = 3.0,
    ) -> None:
        self.now = 0.0
        self.dns = FakeDns()
        self.cache = DnsCache(self.dns, clock=lambda: self.now, timeout=timeout)
        self.resolver = Resolver(
            self.cache,
            transports=transports,
            families=families,
            clock=lambda: self.now,
            chance=random.Random(1),
            budget=budget,
        )

    async def places(self, uri: str) -> list[str]:
        return [f"{p.transport} {p.host} {p.port}" for p in await self.resolver.resolve(parse_uri(uri))]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("sip:192.0.2.5", "UDP 192.0.2.5 5060"),
        ("sip:192.0.2.5:5070", "UDP 192.0.2.5 5070"),
        ("sip:192.0.2.5;transport=tcp", "TCP 192.0.2.5 5060"),
        ("sip:192.0.2.5;transport=TLS", "TLS 192.0.2.5 5061"),
        ("sips:192.0.2.5", "TLS 192.0.2.5 5061"),
        ("sips:192.0.2.5;transport=tcp", "TLS 192.0.2.5 5061"),
        ("sip:[2001:db8::1]:5062", "UDP 2001:db8::1 5062"),
        ("sip:example.org;maddr=192.0.2.6", "UDP 192.0.2.6 5060"),
    ],
)
async def test_an_address_needs_no_dns(uri: str, place: str) -> None:
    world = World()
    assert await world.places(uri) == [place]
    assert world.dns.asked == {}


async def test_a_port_skips_naptr_and_srv() -> None:
    world = World()
    world.dns.a("example.org", "192.0.2.1", "192.0.2.2")
    world.dns.srv("_sip._udp.example.org", (1, 1, 5080, "other.example.org"))
    assert await world.places("sip:example.org:5060") == ["UDP 192.0.2.1 5060", "UDP 192.0.2.2 5060"]
    assert set(world.dns.asked) == {("example.org", "A")}


async def test_naptr_says_the_transport_and_where_to_ask() -> None:
    """The example of RFC 3263 section 4.1."""
    world = World()
    world.dns.naptr(
        "example.com",
        (50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
        (90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
        (100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
    )
    world.dns.srv(
        "_sip._tcp.example.com", (0, 1, 5060, "server1.example.com"), (1, 2, 5060, "server2.example.com")
    )
    world.dns.a("server1.example.com", "192.0.2.1")
    world.dns.a("server2.example.com", "192.0.2.2")
    assert await world.places("sip:example.com") == ["TCP 192.0.2.1 5060", "TCP 192.0.2.2 5060"]


async def test_naptr_records_that_we_cannot_use_are_left_out() -> None:
    world = World(transports=("UDP",))
    world.dns.naptr(
        "example.org",
        (10, 1, "s", "SIP+D2T", "_sip._tcp.example.org"),
        (10, 2, "u", "E2U+sip", "nowhere.example.org"),
        (20, 1, "S", "sip+d2u", "_other._udp.example.org"),
    )
    world.dns.srv("_sip._tcp.example.org", (0, 0, 1, "tcp.example.org"))
    world.dns.srv("_other._udp.example.org", (0, 0, 5070, "udp.example.org"))
    world.dns.a("udp.example.org", "192.0.2.9")
    assert await world.places("sip:example.org") == ["UDP 192.0.2.9 5070"]


async def test_without_naptr_each_of_our_transports_is_asked_for() -> None:
    world = World()
    world.dns.srv("_sip._tcp.example.org", (0, 0, 5062, "t.example.org"))
    world.dns.srv("_sip._udp.example.org", (0, 0, 5061, "u.example.org"))
    world.dns.a("t.example.org", "192.0.2.2")
    world.dns.a("u.example.org", "192.0.2.1")
    assert await world.places("sip:example.org") == ["UDP 192.0.2.1 5061", "TCP 192.0.2.2 5062"]


async def test_a_transport_parameter_asks_for_that_service_only() -> None:
    world = World()
    world.dns.srv("_sip._udp.example.org", (0, 0, 5061, "u.example.org"))
    world.dns.srv("_sip._tcp.example.org", (0, 0, 5062, "t.example.org"))
    world.dns.a("t.example.org", "192.0.2.2")
    world.dns.a("example.org", "192.0.2.3")
    assert await world.places("sip:example.org;transport=tcp") == ["TCP 192.0.2.2 5062"]
    assert await world.places("sips:example.org;transport=tcp") == ["TLS 192.0.2.3 5061"]
    assert ("example.org", "NAPTR") not in world.dns.asked


async def test_a_sips_uri_takes_nothing_but_secure_services() -> None:
    """RFC 3263 section 4.1: services without SIPS are left out, which NAPTR may call by another name."""
    world = World()
    world.dns.naptr(
        "example.org",
        (10, 1, "s", "SIP+D2U", "_sip._udp.example.org"),
        (20, 1, "s", "SIPS+D2T", "_secure._tcp.example.org"),
    )
    world.dns.srv("_sip._udp.example.org", (0, 0, 5060, "plain.example.org"))
    world.dns.srv("_secure._tcp.example.org", (0, 0, 5063, "tls.example.org"))
    world.dns.a("plain.example.org", "192.0.2.1")
    world.dns.a("tls.example.org", "192.0.2.2")
    assert await world.places("sips:example.org") == ["TLS 192.0.2.2 5063"]
    world.dns.a("bare.example.net", "192.0.2.3")
    world.dns.srv("_sip._udp.bare.example.net", (0, 0, 5060, "plain.example.org"))
    assert await world.places("sips:bare.example.net") == ["TLS 192.0.2.3 5061"]


async def test_the_certificate_must_be_for_the_domain_and_not_for_the_server_that_dns_names() -> None:
    """RFC 5922 section 7."""
    world = World()
    world.dns.srv("_sips._tcp.example.org", (0, 0, 5061, "edge.provider.example"))
    world.dns.a("edge.provider.example", "192.0.2.2")
    (place,) = await world.resolver.resolve(parse_uri("sips:example.org"))
    assert place.hop(("192.0.2.9", 5061)).name == "example.org"


async def test_without_any_service_records_the_name_itself_is_the_server() -> None:
    world = World()
    world.dns.a("sip.example.org", "192.0.2.3")
    assert await world.places("sip:sip.example.org") == ["UDP 192.0.2.3 5060"]
    assert await world.places("sip:SIP.Example.org.") == ["UDP 192.0.2.3 5060"]


async def test_a_service_that_is_not_to_be_had() -> None:
    world = World()
    world.dns.srv("_sip._udp.example.org", (0, 0, 0, ""))
    world.dns.a("example.org", "192.0.2.3")
    with pytest.raises(ResolveError, match="no address"):
        await world.places("sip:example.org;transport=udp")


async def test_one_server_without_address_does_not_stop_the_others() -> None:
    world = World()
    world.dns.srv("_sip._udp.example.org", (0, 0, 5060, "gone.example.org"), (1, 0, 5060, "b.example.org"))
    world.dns.a("b.example.org", "192.0.2.2")
    assert await world.places("sip:example.org") == ["UDP 192.0.2.2 5060"]


async def test_both_address_families_in_our_order() -> None:
    world = World(families=(6, 4))
    world.dns.a("example.org", "192.0.2.3", "2001:db8::3")
    assert await world.places("sip:example.org") == ["UDP 2001:db8::3 5060", "UDP 192.0.2.3 5060"]


@pytest.mark.parametrize(
    "uri", ["tel:+15550100", "sip:192.0.2.1;transport=sctp", "sips:a.test;transport=udp", "sip:nowhere.test"]
)
async def test_what_leads_nowhere_says_so(uri: str) -> None:
    with pytest.raises(ResolveError):
        await World().places(uri)


async def test_a_broken_dns_is_named_and_a_half_broken_one_is_enough() -> None:
    world = World()
    world.dns.broken = True
    with pytest.raises(ResolveError, match="does not tell"):
        await world.places("sip:example.org")
    world = World()
    world.dns.broken_kinds = {"NAPTR", "SRV"}  # an old router that knows nothing but addresses
    world.dns.a("example.org", "192.0.2.3")
    assert await world.places("sip:example.org") == ["UDP 192.0.2.3 5060"]


async def test_a_silent_dns_takes_no_longer_than_the_budget() -> None:
    world = World(budget=0.05, timeout=10.0)
    world.dns.silent = asyncio.Event()
    with pytest.raises(ResolveError, match="in time"):
        await world.places("sip:example.org")
    assert await world.places("sip:192.0.2.1") == ["UDP 192.0.2.1 5060"]
    await world.cache.close()


async def test_servers_that_failed_come_last_for_a_while() -> None:
    world = World()
    world.dns.srv("_sip._udp.example.org", *((n, 0, 5060, f"s{n}.example.org") for n in range(3)))
    for number in range(3):
        world.dns.a(f"s{number}.example.org", f"192.0.2.{number}")
    first, second, third = await world.resolver.resolve(parse_uri("sip:example.org"))
    world.resolver.failed(first, 60)
    assert await world.resolver.resolve(parse_uri("sip:example.org")) == [second, third, first]
    for place in (second, third):
        world.resolver.failed(place)
    assert await world.resolver.resolve(parse_uri("sip:example.org")) == [first, second, third]
    world.resolver.worked(second)
    assert await world.resolver.resolve(parse_uri("sip:example.org")) == [second, first, third]
    world.now = 61.0
    assert await world.resolver.resolve(parse_uri("sip:example.org")) == [first, second, third]


async def test_the_list_is_bounded_and_has_nothing_twice() -> None:
    world = World()
    world.dns.srv("_sip._udp.example.org", *((n, 0, 5060, "many.example.org") for n in range(50)))
    world.dns.a("many.example.org", *(f"192.0.2.{n}" for n in range(100)))
    places = await world.places("sip:example.org")
    assert len(places) == len(set(places)) == 16


async def test_the_name_for_the_certificate_is_that_of_the_uri() -> None:
    world = World()
    world.dns.srv("_sips._tcp.example.org", (0, 0, 5061, "s.hosting.test"))
    world.dns.a("s.hosting.test", "192.0.2.1")
    assert await world.resolver.resolve(parse_uri("sips:example.org")) == [
        Place("TLS", "192.0.2.1", 5061, "example.org")
    ]


def test_weights_are_shares() -> None:
    records = [Srv(1, 60, 1, "a"), Srv(1, 30, 1, "b"), Srv(1, 10, 1, "c"), Srv(0, 0, 1, "first")]
    chance = random.Random(3)
    orders = [[item.target for item in in_srv_order(records, chance)] for _ in range(5000)]
    assert all(order[0] == "first" and sorted(order[1:]) == ["a", "b", "c"] for order in orders)
    firsts = Counter(order[1] for order in orders)
    assert firsts["a"] == pytest.approx(3000, abs=200)
    assert firsts["b"] == pytest.approx(1500, abs=200)


def test_weight_zero_is_seldom_first() -> None:
    records = [Srv(1, 0, 1, "zero"), Srv(1, 100, 1, "a")]
    chance = random.Random(3)
    firsts = Counter(in_srv_order(records, chance)[0].target for _ in range(5000))
    assert 0 < firsts["zero"] < 150
