"""Where phones of ours may forward calls to (302), and who pays for it."""

from __future__ import annotations

import pytest

from tests.fakes.dns import FakeDns
from tests.registrar.phone import Office, Phone
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.dialplan import DialPlan
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.routing import NobodyKnows, Routing
from voipbin_sip.directory import (
    ConferenceEntry,
    Directory,
    ExtensionEntry,
    NumberEntry,
    ProviderEntry,
    RouteEntry,
)
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.resolver import Resolver

OURS = "+493055501000"
DIRECTORY = Directory(
    numbers={OURS: NumberEntry(number=OURS, flow="menu")},
    extensions={name: ExtensionEntry(extension=name) for name in ("1000", "1001", "1002")},
    conferences={"weekly": ConferenceEntry(id="weekly")},
    providers={
        name: ProviderEntry(id=name, hostname=f"{name}.example", transport="udp") for name in ("one", "two")
    },
    routes=(RouteEntry(provider_id="one", priority=1), RouteEntry(provider_id="two", priority=2)),
)
CALLER = Originator(Address("tel", "+4940123456"), "provider:carrier")


class Town:
    """An office whose extension 1001 is registered twice; 1000 is the one that forwards."""

    def __init__(self) -> None:
        office, dns = Office(), FakeDns()
        dns.a("partner.example", "192.0.2.70")
        for number in (1, 2):
            phone = Phone(office, "1001", password="other", call_id=f"c{number}")
            assert phone.register(f"<sip:1001@198.51.100.{number}>").status == 200
        self.destinations = Destinations(
            lambda: DIRECTORY,
            office.locations,
            Resolver(DnsCache(dns, clock=lambda: 0.0), clock=lambda: 0.0),
            Routing(lambda: DIRECTORY, NobodyKnows()),
            domain="voipbin.test",
            check=Allowed(["+49", "partner.example", "192.0.2.70"]).check,
            local=lambda transport, remote: ("192.0.2.1", 5060),
            number=OURS,
            meaning=DialPlan("voipbin.test", lambda: DIRECTORY, own=OURS).meaning,
        )

    async def ways(self, contact: str) -> list[Target]:
        return await self.destinations.forwarded(contact, CALLER, "1000")

    async def refusal(self, contact: str) -> NotReachable:
        with pytest.raises(NotReachable) as caught:
            await self.ways(contact)
        return caught.value


async def test_to_another_phone_of_ours_by_name_or_address() -> None:
    for host in ("voipbin.test", "192.0.2.1:5060", "203.0.113.1"):  # the last one is the NAT's, perhaps
        ways = await Town().ways(f"sip:1001@{host}")
        assert [way.extension for way in ways] == ["1001", "1001"]
        assert all(way.outside is None for way in ways)


@pytest.mark.parametrize(
    "contact", ["sip:+4930123456@voipbin.test", "sip:030123456@192.0.2.1", "tel:+4930123456"]
)
async def test_to_the_telephone_network_by_all_its_routes_at_the_expense_of_who_forwards(
    contact: str,
) -> None:
    ways = await Town().ways(contact)
    assert [way.provider for way in ways] == ["one", "two"]
    assert {way.payer for way in ways} == {"extension:1000"}
    assert {way.outside for way in ways} == {Address("tel", "+4930123456")}
    assert all(not way.onward for way in ways)
    assert f"sip:{OURS}@" in ways[0].from_  # nobody is shown as somebody else


async def test_to_hosts_that_may_be_called() -> None:
    for contact in ("sip:bob@partner.example", "sip:1001@192.0.2.70"):
        (way,) = await Town().ways(contact)
        assert way.hops[0].remote == ("192.0.2.70", 5060)
        assert (way.payer, way.extension) == ("extension:1000", "")


@pytest.mark.parametrize(
    "contact",
    [
        "sip:+3312345678@voipbin.test",
        "sip:+499001234567@192.0.2.1",
        "sip:bob@stranger.example",
        "sip:+4930123456@stranger.example",
        "sip:1001@partner.example;maddr=203.0.113.9",
    ],
)
async def test_not_to_where_the_phone_may_not_call_itself(contact: str) -> None:
    refusal = await Town().refusal(contact)
    assert (refusal.result, refusal.status) == ("refused", 403)


@pytest.mark.parametrize(
    "contact",
    [f"sip:{OURS}@voipbin.test", "sip:weekly@conference.voipbin.test", "sip:1002@voipbin.test", "sip:"],
)
async def test_not_to_flows_conferences_and_phones_that_are_not_there(contact: str) -> None:
    assert (await Town().refusal(contact)).result in ("failed", "unreachable")
