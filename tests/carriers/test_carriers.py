"""What routing asks of the carriers, how they change while running, and the task over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from tests.carriers.world import PROVIDER, World, always, granting, silent
from tests.fakes.dns import FakeDns
from tests.store.waiting import until
from voipbin_sip.carriers import Carriers, Line, Provider
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Event, Response
from voipbin_sip.transport.address import parse_listen_address
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.endpoint import Endpoint
from voipbin_sip.transport.resolver import Resolver


async def test_calls_from_where_we_are_registered_are_the_providers() -> None:
    world = World()
    world.server(granting(600))
    world.carriers.use([PROVIDER])
    assert world.carriers.is_source("192.0.2.10") is None
    await world.run(1)
    assert world.carriers.sources("carrier") == {"192.0.2.10"}
    assert world.carriers.is_source("192.0.2.10") == "carrier"
    assert world.carriers.is_source("192.0.2.11") is None
    assert world.carriers.sources("nobody") == frozenset()


async def test_an_ipv6_address_is_known_however_it_is_written() -> None:
    world = World()
    server = world.server(granting(600), "2001:DB8:0::10")
    world.carriers.use([replace(PROVIDER, host="2001:DB8:0::10")])
    await world.run(1)
    assert server.seen[0].start == "REGISTER sip:[2001:DB8:0::10]:5070 SIP/2.0"
    assert world.carriers.is_source("2001:db8::10") == "carrier"


async def test_addresses_prove_nothing_without_a_registration() -> None:
    world = World()
    world.server(always(403))
    world.server(always(200), "192.0.2.11")
    refused = PROVIDER
    unregistered = replace(PROVIDER, id="other", host="192.0.2.11", register=0, probe=30)
    world.carriers.use([refused, unregistered])
    await world.run(3)
    assert world.carriers.is_source("192.0.2.10") is None
    assert world.carriers.is_source("192.0.2.11") is None


async def test_two_accounts_with_one_carrier_are_told_apart_by_the_contact() -> None:
    world = World()
    world.server(granting(600))
    second = replace(PROVIDER, id="second", credentials=("+15550199", "secret"))
    world.carriers.use([PROVIDER, second])
    await world.run(1)
    assert world.carriers.is_source("192.0.2.10", "+15550199") == "second"
    assert world.carriers.is_source("192.0.2.10", "+15550100") == "carrier"
    assert world.carriers.is_source("192.0.2.10", "anything") == "carrier"
    assert world.carriers.contact_user("second") == "+15550199"


async def test_providers_that_stay_as_they_are_stay_registered() -> None:
    world = World()
    server = world.server(granting(600))
    world.carriers.use([PROVIDER])
    await world.run(1)
    world.carriers.use([PROVIDER, replace(PROVIDER, id="new", host="192.0.2.77")])
    await world.run(1)
    assert len(server.seen) == 1
    world.carriers.use([replace(PROVIDER, credentials=("+15550100", "changed"))])
    await world.run(1)
    assert [text["Expires"] for text in server.seen] == ["600", "0", "600"]
    assert world.carriers.state("new") is None


async def test_nobody_waits_for_dns_that_is_slow() -> None:
    world = World()
    other = world.server(granting(600))
    world.dns.silent = asyncio.Event()
    world.carriers.use([replace(PROVIDER, id="slow", host="slow.test", port=None, probe=30), PROVIDER])
    await world.run(3)
    assert len(other.seen) == 1
    state = world.carriers.state("slow")
    assert state is not None
    assert (state.registration, state.health_status) == ("trying", "unknown")
    assert len([task for task in asyncio.all_tasks() if "look_up" in repr(task.get_coro())]) == 1
    began = time.monotonic()
    await world.carriers.close()
    assert time.monotonic() - began < 2


class Peer(asyncio.DatagramProtocol):
    """A carrier on a real socket."""

    def __init__(self, answer: Callable[[str], str | None]) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.transport: asyncio.DatagramTransport  # set by who opens the socket

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = data.decode()
        self.requests.append(request.partition(" ")[0])
        status = self.answer(request)
        if status is not None:
            kept = [
                line
                for line in request.split("\r\n")
                if line.startswith(("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Expires"))
            ]
            text = "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""])
            self.transport.sendto(text.encode(), addr)


class Running:
    """Carriers with their task, on loopback."""

    def __init__(self) -> None:
        self.expected: dict[str, Callable[[Response], None]] = {}
        numbers = itertools.count()
        self.endpoint = Endpoint(SipCore(new_token=lambda: f"token{next(numbers)}"), self.handle)
        clock = asyncio.get_running_loop().time
        resolver = Resolver(DnsCache(FakeDns(), clock=clock), clock=clock)
        line = Line(
            self.endpoint,
            resolver,
            expect=self.expected.__setitem__,
            advertise=lambda hop: hop.local,
            domain="voipbin.test",
            wall=time.time,
            chance=random.Random(1),
        )
        self.carriers = Carriers(line)

    def handle(self, event: Event) -> None:
        if isinstance(event, Response):
            self.expected.pop(event.token)(event)

    async def peer(self, answer: Callable[[str], str | None]) -> tuple[Peer, Provider]:
        transport, peer = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Peer(answer), local_addr=("127.0.0.1", 0)
        )
        peer.transport = transport
        port = transport.get_extra_info("sockname")[1]
        return peer, Provider("carrier", "127.0.0.1", port, "udp", ("bob", "secret"), 60, 0.2)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    running = Running()
    await running.endpoint.listen([parse_listen_address("udp://127.0.0.1:0")])
    yield running
    await running.endpoint.close()


async def test_the_task_registers_probes_and_says_goodbye(running: Running) -> None:
    peer, provider = await running.peer(lambda request: "200 OK")
    running.carriers.use([provider])
    running.carriers.start()
    await until(lambda: len(peer.requests) >= 4)
    assert set(peer.requests) == {"REGISTER", "OPTIONS"}
    state = running.carriers.state("carrier")
    assert state is not None
    assert (state.registration, state.health_status) == ("registered", "healthy")
    asked = peer.requests.count("REGISTER")
    began = time.monotonic()
    await running.carriers.close()
    assert time.monotonic() - began < 0.8
    assert peer.requests.count("REGISTER") == asked + 1
    peer.transport.close()


async def test_a_carrier_that_is_gone_delays_the_end_by_a_second_only(running: Running) -> None:
    peer, provider = await running.peer(lambda request: "200 OK" if "Expires: 60" in request else None)
    running.carriers.use([provider])
    running.carriers.start()
    await until(lambda: running.carriers.is_source("127.0.0.1"))
    began = time.monotonic()
    await running.carriers.close()
    assert 0.5 < time.monotonic() - began < 3
    peer.transport.close()


async def test_carriers_that_never_started_close(running: Running) -> None:
    await running.carriers.close()


async def test_silence_leaves_nothing_behind() -> None:
    world = World()
    world.server(silent)
    world.carriers.use([replace(PROVIDER, probe=30)])
    await world.run(40)
    world.carriers.use([])
    await world.run(80)
    assert world.net.empty
