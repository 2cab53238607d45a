"""A stolen password makes no extension of a carrier's address: calls to it would cost, and be counted nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.carriers.world import PROVIDER, always
from tests.carriers.world import World as CarrierWorld
from tests.fakes.dns import FakeDns
from tests.registrar.phone import Office, Phone, hop
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.routing import NobodyKnows, Routing
from voipbin_sip.directory import Directory, ExtensionEntry
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.resolver import Resolver

CARRIER = "198.51.100.99"
CALLER = Originator(Address("extension", "1001"))


class OneCarrier(NobodyKnows):
    """A provider with one server."""

    def server_at(self, host: str) -> str | None:
        return "carrier" if host == CARRIER else None


@dataclass
class Town:
    """An office where extension 1000 registers, and the way to call it."""

    office: Office = field(default_factory=Office)

    def __post_init__(self) -> None:
        directory = Directory(extensions={"1000": ExtensionEntry(extension="1000")})
        self.destinations = Destinations(
            lambda: directory,
            self.office.locations,
            Resolver(DnsCache(FakeDns(), clock=lambda: 0.0), clock=lambda: 0.0),
            Routing(lambda: directory, OneCarrier()),
            domain="voipbin.test",
            check=lambda address: None,
            local=lambda transport, remote: ("192.0.2.1", 5060),
        )

    async def ways(self) -> list[str]:
        return [
            target.hops[0].remote[0]
            for target in await self.destinations.targets(Address("extension", "1000"), CALLER)
        ]


def register(town: Town, path: str, source: str, number: int = 1) -> None:
    phone = Phone(town.office, hop=hop(source, 40_000, "TCP", number), call_id=f"c{number}")
    headers = [f"Path: <sip:{path};lr;transport=tcp>"] if path else []
    answer = phone.register(f"<sip:+37190000000@{CARRIER}:506{number}>", headers=headers)
    assert answer.status == 200


async def test_a_phone_whose_path_leads_to_a_carrier_is_not_called() -> None:
    town = Town()
    register(town, CARRIER, "203.0.113.5")
    with pytest.raises(NotReachable):
        await town.ways()


async def test_the_others_of_the_extension_are() -> None:
    town = Town()
    register(town, CARRIER, "203.0.113.5", 1)
    register(town, "198.51.100.20", "203.0.113.5", 2)  # a proxy of the phone's own network
    register(town, "", "203.0.113.6", 3)  # whose Contact is not believed anyway
    assert sorted(await town.ways()) == ["198.51.100.20", "203.0.113.6"]


async def test_a_gateway_may_register_phones_from_the_address_at_which_it_is_a_carrier() -> None:
    town = Town()
    register(town, "", CARRIER)
    assert await town.ways() == [CARRIER]


async def test_carriers_know_where_they_take_calls() -> None:
    world = CarrierWorld()
    world.server(always(200))
    world.carriers.use([PROVIDER])
    await world.run(1)
    assert world.carriers.server_at("192.0.2.10") == "carrier"
    assert world.carriers.server_at("192.0.2.11") is None
