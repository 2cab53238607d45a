"""Registered phones over real sockets: they expire, are kept reachable, and are lost with their connection."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from tests.registrar.phone import NOW, Office
from tests.store.waiting import until
from voipbin_sip.registrar.contact import Contact
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Hop, Limits, Response
from voipbin_sip.transport.address import ListenAddress, parse_listen_address
from voipbin_sip.transport.endpoint import Endpoint
from voipbin_sip.upkeep import Upkeep


@dataclass
class Server:
    office: Office
    endpoint: Endpoint
    upkeep: Upkeep
    udp: ListenAddress
    tcp: ListenAddress

    def register(
        self,
        uri: str,
        remote: tuple[str, int],
        *,
        transport: str = "UDP",
        connection: int = 0,
        seconds: float = 60,
    ) -> None:
        port = self.udp.port if transport == "UDP" else self.tcp.port
        hop = Hop(transport, ("127.0.0.1", port), remote, connection)
        contact = Contact(uri, hop, self.office.now + seconds, self.office.now, "c", 1, remote)
        self.office.locations.put("1000", contact)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    office = Office()
    numbers = itertools.count()
    asked: dict[str, Callable[[Response], None]] = {}
    endpoint = Endpoint(
        SipCore(new_token=lambda: f"token{next(numbers)}", limits=Limits(t1=0.001)),
        lambda event: asked.pop(event.token)(event) if isinstance(event, Response) else None,
        on_lost=office.locations.connection_lost,
    )
    udp, tcp = await endpoint.listen(
        [parse_listen_address("udp://127.0.0.1:0"), parse_listen_address("tcp://127.0.0.1:0")]
    )
    upkeep = Upkeep(
        office.locations,
        endpoint,
        domain="voipbin.test",
        interval=30,
        wall=lambda: office.now,
        expect=asked.__setitem__,
        period=0.01,
    )
    upkeep.start()
    yield Server(office, endpoint, upkeep, udp, tcp)
    await upkeep.close()
    await endpoint.close()


async def test_what_has_expired_is_removed_without_anybody_asking(server: Server) -> None:
    server.register("sip:a@192.0.2.1", ("192.0.2.1", 5060))
    server.office.now += 60
    await until(lambda: not len(server.office.locations))


async def test_a_phone_behind_a_nat_gets_an_options_from_the_socket_that_it_knows(server: Server) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.bind(("127.0.0.1", 0))
        server.register("sip:a@10.0.0.9:5060;ob", phone.getsockname())
        server.office.now += 31
        async with asyncio.timeout(5):
            data, source = await loop.sock_recvfrom(phone, 4096)
    assert source[1] == server.udp.port
    assert data.startswith(b"OPTIONS sip:a@10.0.0.9:5060;ob SIP/2.0\r\n")
    assert b"From: <sip:voipbin.test>;tag=" in data


async def test_a_phone_that_answers_no_options_is_doubtful_until_it_does(server: Server) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.bind(("127.0.0.1", 0))
        server.register("sip:a@10.0.0.9:5060", phone.getsockname(), seconds=10_000)
        for _ in range(3):
            server.office.now += 30
            await asyncio.sleep(0.15)  # 64 * T1 and what the loop adds
        await until(lambda: server.office.locations.contacts("1000")[0].doubtful)

        def answer() -> None:
            options = phone.recv(4096)  # old ones too, that nobody waits for any more
            line = b"OPTIONS sip:a@10.0.0.9:5060 SIP/2.0"
            phone.sendto(options.replace(line, b"SIP/2.0 503 Not Now"), ("127.0.0.1", server.udp.port))

        loop.add_reader(phone, answer)
        server.office.now += 30
        await until(lambda: not server.office.locations.contacts("1000")[0].doubtful)
        loop.remove_reader(phone)


async def test_a_connection_gets_empty_lines_and_takes_its_phone_along(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp.port)
    writer.write(b"\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.readexactly(2) == b"\r\n"  # its pong
    server.register(
        "sip:a@10.0.0.9;transport=tcp", writer.get_extra_info("sockname"), transport="TCP", connection=1
    )
    server.office.now += 31
    async with asyncio.timeout(5):
        assert await reader.readexactly(2) == b"\r\n"
    writer.close()
    await until(lambda: not len(server.office.locations))


async def test_phones_of_an_earlier_start_are_called_from_the_address_that_we_have_now(
    server: Server,
) -> None:
    stale = Hop("UDP", ("192.0.2.99", 5060), ("127.0.0.1", 40_000))
    gone = Hop("TLS", ("192.0.2.99", 5061), ("127.0.0.1", 40_000))
    for uri, hop in (("sip:a@127.0.0.1:40000", stale), ("sips:b@127.0.0.1", gone)):
        server.office.locations.restore([("1000", Contact(uri, hop, NOW + 60, NOW, "c", 1, hop.remote))])
    server.office.locations.rehome(server.endpoint.usable)
    hops = {contact.uri: contact.hop for contact in server.office.locations.contacts("1000")}
    assert hops["sip:a@127.0.0.1:40000"] == Hop("UDP", ("127.0.0.1", server.udp.port), ("127.0.0.1", 40_000))
    assert hops["sips:b@127.0.0.1"] == gone
