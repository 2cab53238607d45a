"""The SIP sockets with a real core behind them, asked by real sockets on loopback."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Event, Refused
from voipbin_sip.transport.address import ListenAddress, parse_listen_address
from voipbin_sip.transport.endpoint import Endpoint

Listen = Callable[..., Awaitable[list[ListenAddress]]]


def options(transport: str, via: str, call_id: str = "c1") -> bytes:
    return (
        f"OPTIONS sip:ping@server.test SIP/2.0\r\nVia: SIP/2.0/{transport} {via};branch=z9hG4bK{call_id};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:me@{via}>;tag=1\r\nTo: <sip:ping@server.test>\r\nCall-ID: {call_id}\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest.fixture
async def events() -> list[Event]:
    return []


@pytest.fixture
async def listen(events: list[Event]) -> AsyncIterator[Listen]:
    numbers = itertools.count()
    endpoint = Endpoint(SipCore(new_token=lambda: f"token{next(numbers)}"), events.append)

    async def open_all(*addresses: str) -> list[ListenAddress]:
        return await endpoint.listen([parse_listen_address(address) for address in addresses])

    yield open_all
    await endpoint.close()


async def ask(message: bytes, source: str, target: tuple[str, int]) -> tuple[bytes, tuple[str, int]]:
    """Send a datagram and return the first answer and where it came from."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((source, 0))
        await loop.sock_sendto(sock, message, target)
        async with asyncio.timeout(5):
            data, peer = await loop.sock_recvfrom(sock, 65_535)
        return data, (peer[0], peer[1])


async def test_udp_is_answered_to_the_source_with_rport_and_received(listen: Listen) -> None:
    (address,) = await listen("udp://127.0.0.1:0")
    answer, _ = await ask(options("UDP", "10.9.9.9:5060"), "127.0.0.1", ("127.0.0.1", address.port))
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    assert b"received=127.0.0.1" in answer
    assert b"rport=" in answer


@pytest.mark.parametrize("ours", ["127.0.0.1", "127.0.0.77"])
async def test_a_wildcard_socket_answers_from_the_address_that_was_asked(listen: Listen, ours: str) -> None:
    (address,) = await listen("udp://0.0.0.0:0")
    _, peer = await ask(options("UDP", "127.0.0.1"), "127.0.0.1", (ours, address.port))
    assert peer == (ours, address.port)


async def test_ipv6(listen: Listen) -> None:
    (concrete, wildcard) = await listen("udp://[::1]:0", "udp://[::]:0")
    for address in (concrete, wildcard):
        answer, peer = await ask(options("UDP", "[::1]"), "::1", ("::1", address.port))
        assert answer.startswith(b"SIP/2.0 200 OK\r\n")
        assert peer == ("::1", address.port)


async def test_several_addresses_each_answer_for_themselves(listen: Listen) -> None:
    for address in await listen("udp://127.0.0.1:0", "udp://127.0.0.2:0"):
        _, peer = await ask(options("UDP", "127.0.0.1"), "127.0.0.1", (address.host, address.port))
        assert peer == (address.host, address.port)


async def test_tcp_keeps_the_connection_and_answers_keepalives(listen: Listen) -> None:
    (address,) = await listen("tcp://127.0.0.1:0")
    reader, writer = await asyncio.open_connection(address.host, address.port)
    request = options("TCP", "127.0.0.1")
    for part in (request[:17], request[17:200], request[200:], b"\r\n\r\n"):
        writer.write(part)
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n\r\n")
        pong = await reader.readexactly(2)
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    assert pong == b"\r\n"
    writer.write(options("TCP", "127.0.0.1", "c2") + options("TCP", "127.0.0.1", "c3"))
    async with asyncio.timeout(5):
        answers = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]
    assert [b"Call-ID: c2" in answers[0], b"Call-ID: c3" in answers[1]] == [True, True]
    writer.close()


async def test_a_stream_that_is_not_sip_is_closed(listen: Listen, events: list[Event]) -> None:
    (address,) = await listen("tcp://127.0.0.1:0")
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"INVITE sip:x SIP/2.0\r\nContent-Length: 999999999\r\n\r\n")
    async with asyncio.timeout(5):
        await reader.read()
    assert any(isinstance(event, Refused) for event in events)
    writer.close()


async def test_garbage_on_udp_is_counted_and_the_next_request_is_answered(
    listen: Listen, events: list[Event]
) -> None:
    (address,) = await listen("udp://127.0.0.1:0")
    target = (address.host, address.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for garbage in (b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 100, b"\r\n\r\n", b"x"):
            sock.sendto(garbage, target)
    answer, _ = await ask(options("UDP", "127.0.0.1"), "127.0.0.1", target)
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    assert len([event for event in events if isinstance(event, Refused)]) >= 2


async def test_a_port_in_use_is_named(listen: Listen) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        busy = f"udp://127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(OSError) as caught:
            await listen(busy)
    assert caught.value.filename == busy
