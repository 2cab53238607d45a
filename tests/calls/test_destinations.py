"""What an address becomes before it is called, and why some are not."""

from __future__ import annotations

import random

import pytest

from tests.fakes.dns import FakeDns
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.routing import NobodyKnows, Routing
from voipbin_sip.directory import (
    CallerIdEntry,
    Directory,
    ExtensionEntry,
    NumberEntry,
    ProviderEntry,
    Reach,
    RouteEntry,
)
from voipbin_sip.registrar.contact import Contact
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.events import Hop
from voipbin_sip.toll.refused import Refused
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.resolver import Resolver

OURS = "+493012345678"
CALLER = Originator(Address("tel", OURS), "trunk:office")
PHONE = Originator(Address("extension", "1000"), "extension:1000")
HOP = Hop("UDP", ("192.0.2.1", 5060), ("192.0.2.50", 5060))


class World:
    def __init__(self, number: str = "", rules: dict[str, object] | None = None) -> None:
        self.asked: list[Address] = []
        self.refused = ""
        self.dns = FakeDns()
        self.dns.a("sip.one.example", "192.0.2.61")
        self.dns.a("sip.example.org", "192.0.2.70")
        self.locations = Locations()
        caller_id = CallerIdEntry.model_validate(rules or {})
        directory = Directory(
            numbers={OURS: NumberEntry(number=OURS, flow="menu")},
            extensions={"1000": ExtensionEntry(extension="1000"), "desk": ExtensionEntry(extension="desk")},
            extension_ids={"55f633ab-0000-4000-8000-00000000000e": "1000"},
            agents={
                "ann": (Reach("extension", "1000"), Reach("tel", "+494098765432"), Reach("agent", "ann"))
            },
            providers={
                "one": ProviderEntry(id="one", hostname="sip.one.example"),
                "two": ProviderEntry(id="two", hostname="sip.two.example:5070", caller_id=caller_id),
            },
            routes=(
                RouteEntry(provider_id="one", priority=1, target="+49"),
                RouteEntry(provider_id="two", priority=2, target="+4"),
            ),
        )
        self.destinations = Destinations(
            lambda: directory,
            self.locations,
            Resolver(DnsCache(self.dns, clock=lambda: 0.0), clock=lambda: 0.0, chance=random.Random(1)),
            Routing(lambda: directory, NobodyKnows()),
            domain="voipbin.test",
            check=self._check,
            local=lambda transport, remote: ("192.0.2.1", 5060),
            number=number,
        )

    def register(self, user: str) -> None:
        contact = Contact(f"sip:{user}@192.0.2.50", HOP, 100.0, 0.0, user, 1, ("192.0.2.50", 5060), ())
        self.locations.put(user, contact)

    def _check(self, address: Address) -> None:
        self.asked.append(address)
        if self.refused:
            raise Refused(self.refused)

    async def refusal(self, address: Address, originator: Originator = CALLER) -> NotReachable:
        with pytest.raises(NotReachable) as caught:
            await self.destinations.targets(address, originator)
        return caught.value


async def test_a_number_goes_out_by_its_routes() -> None:
    world = World()
    (target,) = await world.destinations.targets(Address("tel", "+4989123456"), CALLER)
    assert [target.provider, *(way.provider for way in target.onward)] == ["one", "two"]
    assert world.asked == [Address("tel", "+4989123456")]
    assert target.hops == ()  # nobody waits for DNS of providers that are not needed
    (found,) = await world.destinations.hops(target)
    assert found.remote == ("192.0.2.61", 5060)


async def test_a_national_number_is_one_of_the_country_that_our_own_number_has() -> None:
    world = World(number=OURS)
    (target,) = await world.destinations.targets(Address("tel", "089123456"), PHONE)
    assert target.uri.startswith("sip:+4989123456@")
    assert f"<sip:{OURS}@" in target.from_


async def test_the_toll_guard_has_the_last_word() -> None:
    world = World()
    world.refused = "the country LV is not in outbound.countries"
    for address in (Address("tel", "+37167000000"), Address("sip", "bob@sip.example.org")):
        refusal = await world.refusal(address)
        assert (refusal.result, refusal.status, str(refusal)) == ("refused", 403, world.refused)
    assert world.dns.asked.total() == 0  # not even DNS hears of it


async def test_a_caller_without_a_number_of_ours_is_not_let_out() -> None:
    refusal = await World().refusal(Address("tel", "+4989123456"), PHONE)
    assert (refusal.result, refusal.status) == ("refused", 403)
    assert "caller id 1000 is not ours" in str(refusal)
    refusal = await World().refusal(Address("tel", "+4989123456"), Originator(Address("tel", "+4940999999")))
    assert "+4940…99 is not ours" in str(refusal)  # never the whole number


async def test_a_provider_with_a_fixed_number_needs_none() -> None:
    world = World(rules={"number": OURS})
    (target,) = await world.destinations.targets(Address("tel", "+4989123456"), PHONE)
    assert (target.provider, target.onward) == ("two", ())


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        (Address("tel", "+12025550123"), 404, "no route leads to +1202…23"),
        (Address("tel", "112"), 404, "112 is no telephone number"),
        (Address("extension", "1001"), 404, "there is no extension 1001"),
        (Address("extension", "1000"), 480, "no phone is registered"),
        (Address("sip", "bob@sip.nowhere.example"), 480, "no address for SIP"),
        (Address("sip", "b ob@x"), 404, "no SIP address"),
        (Address("conference", "weekly"), 404, "cannot be called"),
    ],
)
async def test_why_nobody_is_called(address: Address, status: int, words: str) -> None:
    refusal = await World().refusal(address)
    assert refusal.status == status
    assert words in str(refusal)


async def test_who_was_passed_on_too_often_goes_nowhere() -> None:
    refusal = await World().refusal(Address("extension", "1000"), Originator(PHONE.address, max_forwards=-1))
    assert refusal.status == 483


async def test_the_phones_of_an_extension() -> None:
    world = World()
    for user, doubtful in (("a", False), ("b", True)):
        contact = Contact(
            f"sip:{user}@192.0.2.50", HOP, 100.0, 0.0, user, 1, ("192.0.2.50", 5060), ("<sip:p;lr>",)
        )
        world.locations.put("desk", contact)
        world.locations.doubt("desk", contact, doubtful)
    targets = await world.destinations.targets(Address("extension", "some-uuid", "desk"), PHONE)
    assert [(target.uri, target.doubtful) for target in targets] == [
        ("sip:a@192.0.2.50", False),
        ("sip:b@192.0.2.50", True),
    ]
    assert {(target.hops, target.route, target.from_, target.transfers) for target in targets} == {
        ((HOP,), ("<sip:p;lr>",), "<sip:1000@voipbin.test>", True)
    }
    assert world.asked == []  # the toll guard is for calls that leave


async def test_an_extension_by_its_id() -> None:
    world = World()
    world.register("1000")
    (target,) = await world.destinations.targets(
        Address("extension", "55f633ab-0000-4000-8000-00000000000e"), CALLER
    )
    assert target.uri == "sip:1000@192.0.2.50"


async def test_an_agent_is_called_wherever_they_can_be_reached() -> None:
    world = World()
    assert [
        target.outside for target in await world.destinations.targets(Address("agent", "ann"), CALLER)
    ] == [Address("tel", "+494098765432")]
    world.register("1000")
    assert len(await world.destinations.targets(Address("agent", "ann"), CALLER)) == 2
    world.refused = "not there"
    (target,) = await world.destinations.targets(Address("agent", "ann"), CALLER)
    assert target.uri == "sip:1000@192.0.2.50"
    assert (await world.refusal(Address("agent", "bob"))).status == 404
