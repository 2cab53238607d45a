"""External media with real connections on loopback and a real media worker; the call is made up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import numpy as np
import pytest
import pytest_asyncio
import structlog
from aiohttp import WSMsgType, web

from media.client import MediaClient, TapEnd
from tests.media.loopback import HOST, Listener, Phone
from voipbin_sip.calls.session import CallSession
from voipbin_sip.streams.external import Externals, Terms
from voipbin_sip.streams.streams import MAX_STREAMS, StreamRefused, Streams
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard, WebError

PORTS = range(24_200, 24_240)
OCTET = 0xCE  # 1000 in mu-law
LOUD = np.full(160, 1000, "<i2").tobytes()


class Scene:
    """A call with a phone, and what connects it."""

    def __init__(self, media: MediaClient, web_client: WebClient) -> None:
        self.streams = Streams(media)
        self.externals = Externals(self.streams, web_client)
        self.leg = media.open_leg(HOST, Listener())
        self.phone = Phone(self.leg)
        self.session = self._session()

    def _session(self) -> CallSession:
        sound = SimpleNamespace(leg=self.leg, agreed=True)
        call = SimpleNamespace(id=uuid4())
        return cast(CallSession, _Call(sound, call))

    async def talk(self, seconds: float = 0.3) -> None:
        for _ in range(int(seconds * 50)):
            self.phone.send(bytes([OCTET]) * 160)
            await asyncio.sleep(0.02)


class _Call:
    def __init__(self, sound: Any, call: Any) -> None:
        self.sound, self.call, self.log = sound, call, structlog.get_logger()


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    media = MediaClient(ports=PORTS, bank_samples=1000)
    await media.start()
    client = WebClient(HostGuard([HOST]))
    scene = Scene(media, client)
    yield scene
    await scene.externals.close()
    await scene.streams.close()
    await client.close()
    await media.close()


def terms(port: int, **changes: Any) -> Terms:
    fields = {"direction_listen": "in", "direction_speak": "out", **changes}
    return Terms(f"{HOST}:{port}", **fields)


async def until(fulfilled: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not fulfilled():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_audiosocket_by_tcp(scene: Scene) -> None:
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((b"\x10\x01\x40" + LOUD) * 50)
        while octets := await reader.read(4096):
            heard.extend(octets)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    media = await scene.externals.start(
        scene.session, terms(port, encapsulation="audiosocket", transport="tcp", format="slin")
    )
    await scene.talk()
    await scene.phone.hear(OCTET)
    assert heard[:19] == b"\x01\x00\x10" + scene.session.call.id.bytes
    assert heard[19:22] == b"\x10\x01\x40"
    assert np.int16(988).tobytes() * 160 in heard
    assert scene.externals.stop(scene.session) == 1
    await until(lambda: media.status == "terminated")
    await until(lambda: heard.endswith(b"\x00\x00\x00"))
    server.close()


async def test_bare_ulaw_by_tcp_ends_when_the_far_side_closes(scene: Scene) -> None:
    heard = bytearray()
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes([OCTET]) * 8000)
        while len(heard) < 4000:
            heard.extend(await reader.read(4096))
        writer.close()
        over.set()

    server = await asyncio.start_server(serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    media = await scene.externals.start(scene.session, terms(port, encapsulation="none", transport="tcp"))
    await scene.talk(0.6)
    await scene.phone.hear(OCTET)
    assert OCTET in heard
    await until(over.is_set)
    await until(lambda: media.status == "terminated")
    assert scene.externals.of(scene.session) == ()
    server.close()


async def test_rtp_by_udp_in_the_format_that_was_asked_for(scene: Scene) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((HOST, 0))
        far.setblocking(False)
        await scene.externals.start(scene.session, terms(far.getsockname()[1], format="slin16"))
        await scene.talk()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(3):
            packet, source = await loop.sock_recvfrom(far, 2048)
            while len(packet) != 12 + 640 or packet[1] & 0x7F != 118 or not any(packet[12:]):
                packet, source = await loop.sock_recvfrom(far, 2048)
        loud = np.full(320, 8000, ">i2").tobytes()
        for number in range(20):
            far.sendto(bytes((0x80, 118)) + number.to_bytes(2, "big") + bytes(8) + loud, source)
            await asyncio.sleep(0.02)
        await scene.phone.hear(0xA0)  # 8000 in mu-law, near enough


async def test_a_websocket(scene: Scene) -> None:
    heard: list[bytes] = []
    paths: list[str] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        paths.append(request.path_qs)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_bytes(LOUD * 50)
        async for message in ws:
            if message.type is WSMsgType.BINARY:
                heard.append(message.data)  # noqa: PERF401 - it is looked at meanwhile
        return ws

    app = web.Application()
    app.router.add_get("/media", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    port = runner.addresses[0][1]
    await scene.externals.start(
        scene.session,
        terms(
            port, encapsulation="none", transport="websocket", transport_data="media?call=7", format="slin"
        ),
    )
    await scene.talk()
    await scene.phone.hear(OCTET)
    assert paths == ["/media?call=7"]
    assert {len(message) for message in heard} == {320}
    await scene.externals.close()
    await runner.cleanup()


async def test_the_sixth_is_refused_and_a_place_is_free_again_when_one_ends(scene: Scene) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((HOST, 0))
        wanted = terms(far.getsockname()[1])
        for _ in range(MAX_STREAMS):
            await scene.externals.start(scene.session, wanted)
        with pytest.raises(StreamRefused, match="5 media streams"):
            await scene.externals.start(scene.session, wanted)
        with pytest.raises(StreamRefused, match="5 media streams"):
            scene.streams.tap(scene.session)
        assert scene.externals.stop(scene.session) == MAX_STREAMS
        await until(lambda: scene.streams.count(scene.session) == 0)
        tap = scene.streams.tap(scene.session)
        assert isinstance(tap, TapEnd)


async def test_the_end_of_the_call_ends_all(scene: Scene) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((HOST, 0))
        media = await scene.externals.start(scene.session, terms(far.getsockname()[1]))
        scene.leg.close()
        await until(lambda: media.status == "terminated")
        assert scene.streams.count(scene.session) == 0
        scene.session.sound = None
        with pytest.raises(StreamRefused, match="no sound"):
            await scene.externals.start(scene.session, terms(far.getsockname()[1]))


async def test_hosts_that_may_not_or_cannot_be_reached(scene: Scene) -> None:
    bare, web_socket = (
        {"encapsulation": "none", "transport": "tcp"},
        {"encapsulation": "none", "transport": "websocket"},
    )
    for wanted, complaint in (
        (Terms("10.0.0.1:4000"), "private range"),
        (Terms("localhost:4000", **bare), "private range"),
        (Terms("192.168.1.1:4000", **web_socket), "private range"),
        (Terms("ws://[::1]:4000/x", **web_socket), "private range"),
        (Terms("somewhere"), "not host:port"),
        (Terms("127.0.0.1:1", **bare), "cannot connect"),
        (Terms("127.0.0.1:1", **web_socket), "no WebSocket there"),
    ):
        with pytest.raises(WebError, match=complaint):
            await scene.externals.start(scene.session, wanted)
    assert scene.streams.count(scene.session) == 0
