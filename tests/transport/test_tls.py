"""SIP over TLS by real sockets on loopback: whom we serve, whom we believe, new certificates."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.fakes.authority import Authority, Pair
from tests.transport.test_endpoint import options
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Asked, Ended, Event, Hop, Refused
from voipbin_sip.transport import tls as tls_module
from voipbin_sip.transport import tls_stream
from voipbin_sip.transport.address import parse_listen_address
from voipbin_sip.transport.certificate import Certificates
from voipbin_sip.transport.endpoint import Endpoint
from voipbin_sip.transport.tls import Tls
from voipbin_sip.transport.tls_stream import TlsStream
from voipbin_sip.transport.tls_terms import TlsTerms

HOST = "127.0.0.1"


class World:
    """A server with TLS and TCP, and the authority that it and its peers believe."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.ours = self.authority.pair("ours", names=["voipbin.test"])
        self.terms = TlsTerms(self.ours.certificate, self.ours.key, self.authority.file)
        self.admits = True
        self.port = self.plain_port = 0
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Endpoint]:
        numbers = itertools.count()
        self.certificates = Certificates(self.terms)
        tls = Tls(self.certificates, admits=lambda host: self.admits)
        core = SipCore(new_token=lambda: f"token{next(numbers)}", asks=frozenset({"REGISTER"}))
        endpoint = Endpoint(core, self.events.put_nowait, tls=tls)
        secure, plain = await endpoint.listen(
            [parse_listen_address(f"{transport}://{HOST}:0") for transport in ("tls", "tcp")]
        )
        self.port, self.plain_port = secure.port, plain.port
        yield endpoint
        await endpoint.close()

    def context(self) -> ssl.SSLContext:
        """Return what a phone connects with."""
        return ssl.create_default_context(cafile=str(self.authority.file))

    async def phone(
        self, context: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            HOST, self.port, ssl=context or self.context(), server_hostname="voipbin.test"
        )

    async def event(self, kind: type[Event]) -> Event:
        """Return the next event of a kind."""
        async with asyncio.timeout(5):
            while not isinstance(event := await self.events.get(), kind):
                pass
        return event


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call_id: str = "c1") -> bytes:
    writer.write(options("TLS", "phone.invalid:40000", call_id))
    async with asyncio.timeout(5):
        return await reader.readuntil(b"\r\n\r\n")


async def test_a_phone_is_answered_over_its_connection(world: World) -> None:
    async with world.serving():
        reader, writer = await world.phone()
        assert (await ask(reader, writer)).startswith(
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS phone.invalid:40000;"
        )
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.close()


async def test_a_request_of_ours_goes_over_the_connection_that_the_phone_opened(world: World) -> None:
    async with world.serving() as endpoint:
        reader, writer = await world.phone()
        writer.write(options("TLS", "phone.invalid", "r1").replace(b"OPTIONS", b"REGISTER"))
        asked = await world.event(Asked)
        assert isinstance(asked, Asked)
        endpoint.core.request(
            endpoint.now(), "OPTIONS", hop=asked.hop, uri="sips:phone@10.0.0.9", from_="<sip:voipbin.test>"
        )
        endpoint.flush()
        async with asyncio.timeout(5):
            request = await reader.readuntil(b"\r\n\r\n")
        via = f"\r\nVia: SIP/2.0/TLS {HOST}:{world.port};branch="
        assert request.startswith(b"OPTIONS sips:phone@10.0.0.9 SIP/2.0" + via.encode())
        writer.close()


async def test_long_messages_and_many_at_once(world: World) -> None:
    async with world.serving():
        reader, writer = await world.phone()
        subject = b"Subject: " + b"x" * 50_000 + b"\r\nContent-Length: 0"
        messages = [options("TLS", "phone.invalid", f"m{number}") for number in range(30)]
        messages[7] = messages[7].replace(b"Content-Length: 0", subject)
        writer.write(b"".join(messages))
        async with asyncio.timeout(5):
            answers = [await reader.readuntil(b"\r\n\r\n") for _ in messages]
        assert all(f"Call-ID: m{number}\r\n".encode() in answer for number, answer in enumerate(answers))
        writer.close()


async def test_a_connection_is_freed_when_it_is_closed_and_a_failed_handshake_too(world: World) -> None:
    """Without the collector, which runs once a minute: who knocks all the time must not fill the memory."""
    gc.collect()
    gc.disable()
    try:
        async with world.serving():
            reader, writer = await world.phone()
            await ask(reader, writer)
            _, plain = await asyncio.open_connection(HOST, world.port)
            plain.write(b"hello\r\n\r\n")
            for one in (writer, plain):
                one.close()
                with contextlib.suppress(OSError):
                    await one.wait_closed()
            await asyncio.sleep(0.05)
            assert [thing for thing in gc.get_objects() if isinstance(thing, TlsStream)] == []
    finally:
        gc.enable()


async def test_ipv6(world: World) -> None:
    async with world.serving() as endpoint:
        (address,) = await endpoint.listen([parse_listen_address("tls://[::1]:0")])
        reader, writer = await asyncio.open_connection(
            "::1", address.port, ssl=world.context(), server_hostname="voipbin.test"
        )
        assert (await ask(reader, writer)).startswith(b"SIP/2.0 200 OK\r\n")
        writer.close()


async def test_plain_text_on_the_tls_port_is_closed_and_told(world: World) -> None:
    async with world.serving():
        reader, writer = await asyncio.open_connection(HOST, world.port)
        writer.write(options("TCP", "phone.invalid"))
        async with asyncio.timeout(5):
            assert b"SIP" not in await reader.read()
        refused = await world.event(Refused)
        assert isinstance(refused, Refused)
        assert "does not speak TLS" in refused.why
        writer.close()
        await ask(*await world.phone())


async def test_tls_on_the_plain_port_is_closed_and_told(world: World) -> None:
    async with world.serving():
        with pytest.raises(OSError):
            await asyncio.open_connection(
                HOST, world.plain_port, ssl=world.context(), server_hostname="voipbin.test"
            )
        refused = await world.event(Refused)
        assert isinstance(refused, Refused)
        assert "TLS on a port without it" in refused.why


async def test_who_does_not_shake_hands_is_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_stream, "HANDSHAKE_TIMEOUT", 0.1)
    async with world.serving():
        reader, writer = await asyncio.open_connection(HOST, world.port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        refused = await world.event(Refused)
        assert isinstance(refused, Refused)
        assert "no handshake in time" in refused.why
        writer.close()


async def test_one_source_does_not_hold_all_handshakes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_module, "HANDSHAKES_OF_A_SOURCE", 2)
    async with world.serving():
        silent = [await asyncio.open_connection(HOST, world.port) for _ in range(2)]
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection(HOST, world.port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        for _, one in [*silent, (reader, writer)]:
            one.close()
        await asyncio.sleep(0.05)
        await ask(*await world.phone())


async def test_a_banned_source_gets_no_handshake(world: World) -> None:
    world.admits = False
    async with world.serving():
        with pytest.raises(OSError):
            await world.phone()


async def test_a_new_certificate_serves_new_connections_and_running_ones_go_on(world: World) -> None:
    async with world.serving():
        old = await world.phone()
        new = world.authority.pair("new", names=["voipbin.test"])
        world.ours.certificate.write_bytes(new.certificate.read_bytes())
        world.ours.key.write_bytes(new.key.read_bytes())
        assert world.certificates.reload()
        fresh = await world.phone()
        assert _common_name(fresh[1]) == "new"
        assert _common_name(old[1]) == "ours"
        for call_id, phone in (("a", old), ("b", fresh)):
            assert (await ask(*phone, call_id)).startswith(b"SIP/2.0 200")
            phone[1].close()


def _common_name(writer: asyncio.StreamWriter) -> str:
    (((_, name),),) = writer.get_extra_info("peercert")["subject"]
    return str(name)


async def test_client_certificates_where_they_are_required(world: World, tmp_path: Path) -> None:
    world.terms = replace(world.terms, client_certificates="required")
    async with world.serving():
        reader, writer = await world.phone()  # TLS 1.3: the client learns of the refusal by reading
        writer.write(options("TLS", "phone.invalid"))
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await reader.readuntil(b"\r\n\r\n")
        stranger = Authority(tmp_path, "Other CA").pair("stranger")
        context = world.context()
        context.load_cert_chain(stranger.certificate, stranger.key)
        reader, writer = await world.phone(context)
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await ask(reader, writer)
        friend = world.authority.pair("friend")
        context = world.context()
        context.load_cert_chain(friend.certificate, friend.key)
        assert (await ask(*await world.phone(context))).startswith(b"SIP/2.0 200")


class Trunk:
    """A server that we connect to; keeps what it was sent."""

    def __init__(self, pair: Pair) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(pair.certificate, pair.key)
        self.names: list[str] = []
        self.context.sni_callback = lambda _, name, __: self.names.append(name or "")
        self.received = asyncio.Queue[bytes]()
        self.writers: list[asyncio.StreamWriter] = []

    async def start(self) -> tuple[str, int]:
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=self.context)
        host, port = self._server.sockets[0].getsockname()
        return str(host), int(port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while data := await reader.read(65_535):
            await self.received.put(data)

    async def request(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.received.get()

    async def close(self) -> None:
        self._server.close()
        for writer in self.writers:
            writer.close()
        await asyncio.sleep(0.01)


def call(endpoint: Endpoint, remote: tuple[str, int], name: str, uri: str = "sips:bob@trunk.test") -> str:
    hop = Hop("TLS", endpoint.local_for("TLS", remote[0]), remote, name=name)
    leg = endpoint.core.invite(endpoint.now(), hop=hop, uri=uri, from_="<sip:100@voipbin.test>", sdp=None)
    endpoint.flush()
    return leg


async def test_a_server_with_the_name_that_was_asked_for_is_called(world: World) -> None:
    trunk = Trunk(world.authority.pair("trunk", names=["edge.test"], uris=["sip:trunk.test"]))
    async with world.serving() as endpoint:
        call(endpoint, await trunk.start(), "trunk.test")
        invite = await trunk.request()
        assert invite.startswith(b"INVITE sips:bob@trunk.test SIP/2.0\r\nVia: SIP/2.0/TLS ")
        assert f"\r\nContact: <sips:100@{HOST}:{world.port}>\r\n".encode() in invite
        assert trunk.names == ["trunk.test"]
        await trunk.close()


async def test_what_the_trunk_asks_over_our_connection_is_answered_there(world: World) -> None:
    trunk = Trunk(world.authority.pair("trunk", names=["trunk.test"]))
    async with world.serving() as endpoint:
        remote = await trunk.start()
        call(endpoint, remote, "trunk.test")
        await trunk.request()
        trunk.writers[0].write(options("TLS", f"{HOST}:{remote[1]}"))
        assert (await trunk.request()).startswith(b"SIP/2.0 200 OK")
        call(endpoint, remote, "trunk.test", "sip:carol@trunk.test")
        assert (await trunk.request()).startswith(b"INVITE sip:carol")
        assert len(trunk.writers) == 1
        await trunk.close()


@pytest.mark.parametrize(
    ("name", "names", "why"),
    [
        ("trunk.test", ["other.test", "*.test"], "the certificate is for other.test, *.test"),
        ("sip.trunk.test", ["*.trunk.test"], "*.trunk.test; sip.tls.wildcards: true would take it"),
        ("", ["trunk.test"], "the certificate is for trunk.test"),
    ],
)
async def test_a_server_with_another_name_is_sent_nothing(
    world: World, name: str, names: list[str], why: str
) -> None:
    trunk = Trunk(world.authority.pair("trunk", names=names))
    async with world.serving() as endpoint:
        with capture_logs() as logs:
            leg = call(endpoint, await trunk.start(), name)
            assert await world.event(Ended) == Ended(leg, "remote", 503, "Connection Failed")
        (line,) = logs
        assert line["expected"] == (name or HOST)
        assert why in line["why"]
        assert trunk.received.empty()
        await trunk.close()


async def test_a_server_that_nobody_vouches_for_is_sent_nothing(world: World, tmp_path: Path) -> None:
    trunk = Trunk(Authority(tmp_path, "Other CA").pair("trunk", names=["trunk.test"]))
    async with world.serving() as endpoint:
        with capture_logs() as logs:
            leg = call(endpoint, await trunk.start(), "trunk.test")
            assert await world.event(Ended) == Ended(leg, "remote", 503, "Connection Failed")
        assert "is not trusted" in logs[0]["why"]
        assert trunk.received.empty()
        await trunk.close()


async def test_without_verification_anybody_will_do(world: World, tmp_path: Path) -> None:
    world.terms = replace(world.terms, verify=False)
    trunk = Trunk(Authority(tmp_path, "Other CA").pair("trunk", names=["other.test"]))
    async with world.serving() as endpoint:
        call(endpoint, await trunk.start(), "trunk.test")
        assert (await trunk.request()).startswith(b"INVITE ")
        await trunk.close()


async def test_an_address_is_a_name_too(world: World) -> None:
    trunk = Trunk(world.authority.pair("trunk", names=[HOST]))
    async with world.serving() as endpoint:
        call(endpoint, await trunk.start(), "")
        assert (await trunk.request()).startswith(b"INVITE ")
        await trunk.close()


async def test_a_connection_for_one_domain_is_not_used_for_another(world: World) -> None:
    trunk = Trunk(world.authority.pair("trunk", names=["trunk.test"]))
    async with world.serving() as endpoint:
        remote = await trunk.start()
        call(endpoint, remote, "trunk.test")
        await trunk.request()
        leg = call(endpoint, remote, "other.test")
        assert await world.event(Ended) == Ended(leg, "remote", 503, "Connection Failed")
        await trunk.close()


async def test_what_waited_on_a_lost_connection_fails_and_the_next_call_opens_another(world: World) -> None:
    trunk = Trunk(world.authority.pair("trunk", names=["trunk.test"]))
    async with world.serving() as endpoint:
        remote = await trunk.start()
        leg = call(endpoint, remote, "trunk.test")
        await trunk.request()
        trunk.writers[0].close()
        assert await world.event(Ended) == Ended(leg, "remote", 503, "Connection Failed")
        call(endpoint, remote, "trunk.test", "sip:carol@trunk.test")
        assert (await trunk.request()).startswith(b"INVITE sip:carol")
        await trunk.close()


async def test_a_server_that_speaks_no_tls_has_failed(world: World) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SIP/2.0 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    async with world.serving() as endpoint, await asyncio.start_server(greet, HOST, 0) as server:
        with capture_logs() as logs:
            leg = call(endpoint, server.sockets[0].getsockname(), "trunk.test")
            assert await world.event(Ended) == Ended(leg, "remote", 503, "Connection Failed")
        assert logs[0]["why"] == "the peer does not speak TLS"


async def test_tls_without_a_certificate_of_ours_fails_as_unreachable() -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    numbers = itertools.count()
    endpoint = Endpoint(SipCore(new_token=lambda: f"token{next(numbers)}"), events.put_nowait)
    await endpoint.listen([parse_listen_address(f"tcp://{HOST}:0")])
    hop = Hop("TLS", (HOST, 5061), (HOST, 9))
    endpoint.core.invite(endpoint.now(), hop=hop, uri="sip:b@x.test", from_="<sip:a@b.test>", sdp=None)
    endpoint.flush()
    async with asyncio.timeout(5):
        ended = await events.get()
    assert isinstance(ended, Ended)
    assert ended.status == 503
    await endpoint.close()


async def test_a_port_in_use_is_named(world: World) -> None:
    async with world.serving() as endpoint:
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            taken.listen()
            busy = f"tls://{HOST}:{taken.getsockname()[1]}"
            with pytest.raises(OSError) as caught:
                await endpoint.listen([parse_listen_address(busy)])
    assert caught.value.filename == busy
