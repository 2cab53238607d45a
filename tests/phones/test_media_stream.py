"""Sound of real calls to programs and back: media streams by WebSocket, external media by RTP and AudioSocket."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from media.codecs.g711 import ULAW_DECODE
from tests.phones import ports, prompts, sound
from tests.phones.installed import needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import Line, WireCall, wire
from tests.phones.wire_sound import encode_ulaw

pytestmark = pytest.mark.phones

CALLER, CLIENT = prompts.TONES["caller"], prompts.TONES["two"]
RTP_PORT, TCP_PORT = ports.free(), ports.free()
QUIET = """
name: quiet
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""
TO_RTP = f"""
name: to_rtp
actions:
  - type: answer
  - type: external_media_start
    option: {{external_host: "127.0.0.1:{RTP_PORT}", direction_listen: in, direction_speak: out}}
  - type: sleep
    option: {{duration: 2500}}
  - type: external_media_stop
  - type: sleep
    option: {{duration: 60000}}
"""
TO_AUDIOSOCKET = f"""
name: to_audiosocket
actions:
  - type: answer
  - type: external_media_start
    option:
      external_host: "127.0.0.1:{TCP_PORT}"
      encapsulation: audiosocket
      direction_listen: in
      direction_speak: out
  - type: sleep
    option: {{duration: 60000}}
"""
SIX = f"""
name: six
actions:
  - type: answer
  - id: again
    type: external_media_start
    option: {{external_host: "127.0.0.1:{RTP_PORT}", direction_listen: in}}
  - type: goto
    option: {{target_id: again, loop_count: 5}}
  - type: play
    option: {{stream_urls: [sounds/one.wav]}}
  - type: sleep
    option: {{duration: 60000}}
"""
MEETING = """
name: meeting
actions:
  - type: conference_join
    option: {conference_id: weekly}
"""
FLOWS = {"quiet": QUIET, "to_rtp": TO_RTP, "to_audiosocket": TO_AUDIOSOCKET, "six": SIX, "meeting": MEETING}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("streams")
    http = {"listen": f"127.0.0.1:{ports.free()}", "allow_private": ["127.0.0.1"]}
    with serving(folder, FLOWS, conferences=[{"id": "weekly"}], http=http) as server:
        yield server


class Client:
    """A program that uses the API, as a customer would write it."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self.base = f"{server.api}/v1.0"
        self.key = {"accesskey": server.accesskey}
        self.http = http

    async def call_id(self) -> str:
        """The newest call that goes on."""
        async with self.http.get(f"{self.base}/calls", params=self.key) as answer:
            calls = (await answer.json())["result"]
        return str(next(call["id"] for call in calls if call["status"] == "progressing"))

    async def conference_id(self) -> str:
        async with self.http.get(f"{self.base}/conferences", params=self.key) as answer:
            return str((await answer.json())["result"][0]["id"])

    @asynccontextmanager
    async def stream(self, path: str, encapsulation: str = "sln", **query: str) -> AsyncIterator[Stream]:
        params = {**self.key, "encapsulation": encapsulation, **query}
        async with self.http.ws_connect(f"{self.base}{path}/media_stream", params=params) as ws:
            stream = Stream(ws)
            reading = asyncio.create_task(stream.read())
            yield stream
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


class Stream:
    """A media stream that is read all the time."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.messages: list[bytes] = []
        self.closed = asyncio.Event()

    async def read(self) -> None:
        async for message in self.ws:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.messages.append(message.data)
        self.closed.set()

    def heard(self) -> list[int]:
        """The tones in what came as bare samples."""
        return tones(np.frombuffer(b"".join(self.messages), "<i2"))


def tones(samples: npt.NDArray[np.int16]) -> list[int]:
    return sound.tones(sound.stretches(samples / 32768, 8000))


def near(heard: list[int], tone: int) -> bool:
    return any(abs(frequency - tone) <= 30 for frequency in heard)


def pcm(tone: int, seconds: float) -> bytes:
    return (prompts.tone(tone, seconds) * 32767).astype("<i2").tobytes()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(server, http)


@asynccontextmanager
async def talking(server: Server, number: str, *, tone: int = CALLER) -> AsyncIterator[tuple[Line, WireCall]]:
    """A caller made by hand who says a tone."""
    async with wire(server.address) as line:
        call = await line.new_call(number)
        call.sound.voice = encode_ulaw(prompts.tone(tone, 1.0))
        assert await call.invite() == 200
        yield line, call
        with suppress(TimeoutError):
            await call.bye()


@needs_pjsua
async def test_a_client_hears_the_phone_and_the_phone_hears_the_client(
    server: Server, client: Client, tmp_path: Path
) -> None:
    voice = prompts.write(tmp_path / "voice.wav", prompts.tone(CALLER, 2.0))
    async with pjsua(tmp_path) as phone:
        await phone.call("100", server.address)
        async with client.stream(f"/calls/{await client.call_id()}") as stream:
            await phone.play(voice)
            for _ in range(100):  # two seconds in real time
                await stream.ws.send_bytes(pcm(CLIENT, 0.02))
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
            await stream.ws.send_bytes(pcm(CLIENT, 3.0))  # and three more at once
            await asyncio.sleep(3.5)
            heard = stream.heard()
            assert {len(message) for message in stream.messages} == {320}
        await phone.hang_up()
        assert await phone.over() == 200
    assert near(heard, CALLER)
    assert not near(heard, CLIENT)
    longest = [
        s.seconds for s in sound.heard(phone.recording) if s.kind == "tone" and abs(s.frequency - CLIENT) < 30
    ]
    assert 2.9 < max(longest) < 3.2, longest
    assert sum(longest) > 4.0, longest


async def test_packets_of_rtp_and_audiosocket(server: Server, client: Client) -> None:
    async with talking(server, "100") as (_, call):
        path = f"/calls/{await client.call_id()}"
        async with client.stream(path, "rtp") as rtp, client.stream(path, "audiosocket") as audiosocket:
            loud = np.frombuffer(pcm(CLIENT, 1.5), "<i2").astype(">i2").tobytes()
            for number in range(75):
                header = (
                    b"\x80\x60" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big") + bytes(4)
                )
                await rtp.ws.send_bytes(header + loud[320 * number : 320 * number + 320])
            await asyncio.sleep(2)
        first, last = rtp.messages[0], rtp.messages[50]
        assert (len(first), first[1] & 0x7F) == (332, 96)
        assert int.from_bytes(last[4:8], "big") - int.from_bytes(first[4:8], "big") == 50 * 160
        sent = np.frombuffer(b"".join(m[12:] for m in rtp.messages), ">i2")
        assert near(tones(sent), CALLER)
        assert {m[:3] for m in audiosocket.messages} == {b"\x10\x01\x40"}
        other = tones(np.frombuffer(b"".join(m[3:] for m in audiosocket.messages), "<i2")[:8000])
        assert other == [] or near(other, CALLER)  # it hears the first stream's voice too
        assert near(sound.tones(sound.stretches(call.sound.heard(), 8000)), CLIENT)


async def test_a_burst_can_be_cut_short(server: Server, client: Client) -> None:
    async with (
        talking(server, "100") as (_, call),
        client.stream(
            f"/calls/{await client.call_id()}", direction_listen="in", direction_speak="out"
        ) as stream,
    ):
        await stream.ws.send_bytes(pcm(CLIENT, 20.0))
        await asyncio.sleep(1.0)
        await stream.ws.send_str('{"type": "clear"}')
        await asyncio.sleep(0.3)
        cleared = time.monotonic()
        await asyncio.sleep(0.7)
        assert near(sound.tones(sound.stretches(call.sound.heard(), 8000)), CLIENT)
        assert sound.silent(call.sound.heard(cleared), 8000, 0.0, 0.6)


async def test_the_end_of_the_call_closes_the_socket_and_not_the_other_way_round(
    server: Server, client: Client
) -> None:
    async with talking(server, "100") as (_, call):
        path = f"/calls/{await client.call_id()}"
        async with client.stream(path):
            pass
        await asyncio.sleep(0.3)
        assert not call.ended.is_set()
        async with client.stream(path) as stream:
            await call.bye()
            await asyncio.wait_for(stream.closed.wait(), 3)
            assert stream.ws.close_code == 1000


async def refused(client: Client, path: str, **query: str) -> tuple[int, str]:
    """The status and the reason with which a stream is refused."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await client.http.ws_connect(f"{client.base}{path}/media_stream", params={**client.key, **query})
    return error.value.status, error.value.message


async def test_what_is_refused(server: Server, client: Client) -> None:
    nobody = "00000000-0000-4000-8000-000000000001"
    assert (await refused(client, f"/calls/{nobody}"))[0] == 404
    assert (await refused(client, "/calls/nonsense"))[0] == 400
    assert (await refused(client, f"/conferences/{nobody}", encapsulation="sln"))[0] == 404
    assert (await refused(client, f"/conferences/{await client.conference_id()}", encapsulation="sln"))[
        0
    ] == 409
    assert (await refused(client, f"/calls/{nobody}", encapsulation="mp3"))[0] == 400
    assert (await refused(client, f"/calls/{nobody}", accesskey="vb_wrong"))[0] == 401
    async with talking(server, "100"):
        path = f"/calls/{await client.call_id()}"
        assert (await refused(client, path, direction_speak="up"))[0] == 400
        streams = [
            await client.http.ws_connect(f"{client.base}{path}/media_stream", params=client.key)
            for _ in range(5)
        ]
        assert (await refused(client, path))[0] == 409
        await streams.pop().close()
        await asyncio.sleep(0.3)
        async with client.stream(path):
            pass
        for stream in streams:
            await stream.close()
        call_id = path.rpartition("/")[2]
    await asyncio.sleep(0.3)
    assert (await refused(client, f"/calls/{call_id}"))[0] == 409


async def test_a_conference_is_heard_and_hears(server: Server, client: Client) -> None:
    async with talking(server, "500", tone=600) as (_, one), talking(server, "500", tone=2000) as (_, two):
        await asyncio.sleep(0.3)
        async with client.stream(f"/conferences/{await client.conference_id()}") as stream:
            one.sound.voice = two.sound.voice = b"\xff" * 160
            since = time.monotonic() + 0.2
            await asyncio.sleep(0.2)
            one.sound.voice = encode_ulaw(prompts.tone(600, 1.0))
            await asyncio.sleep(1.0)
            one.sound.voice = b"\xff" * 160
            two.sound.voice = encode_ulaw(prompts.tone(2000, 1.0))
            await asyncio.sleep(1.0)
            two.sound.voice = b"\xff" * 160
            await stream.ws.send_bytes(pcm(CLIENT, 1.0))
            await asyncio.sleep(1.3)
            assert near(stream.heard(), 600)
            assert near(stream.heard(), 2000)
            assert not near(stream.heard(), CLIENT)
            for call in (one, two):
                assert near(sound.tones(sound.stretches(call.sound.heard(since), 8000)), CLIENT)
            await one.bye()
            await asyncio.sleep(0.2)
            assert not stream.closed.is_set()
            await two.bye()
            await asyncio.wait_for(stream.closed.wait(), 3)


async def test_external_media_by_rtp_in_the_format_asked_for(server: Server) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", RTP_PORT))
        sink.setblocking(False)
        async with talking(server, "200") as (_, call):
            packets: list[bytes] = []
            voice = encode_ulaw(prompts.tone(CLIENT, 2.0))
            with suppress(TimeoutError):
                async with asyncio.timeout(3.5):
                    while True:
                        packet, source = await loop.sock_recvfrom(sink, 2048)
                        number = len(packets)
                        header = b"\x80\x00" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big")
                        payload = voice[160 * (number % 100) : 160 * (number % 100) + 160]
                        sink.sendto(header + b"\0\0\0\7" + payload, source)
                        packets.append(packet)
            assert near(sound.tones(sound.stretches(call.sound.heard(), 8000)), CLIENT)
    assert {(len(packet), packet[1] & 0x7F) for packet in packets} == {(172, 0)}
    assert 110 <= len(packets) <= 140, len(packets)  # 2.5 s, then the flow stops it
    said = ULAW_DECODE[np.frombuffer(b"".join(packet[12:] for packet in packets), np.uint8)]
    assert near(tones(said), CALLER)


@needs_pjsua
async def test_external_media_by_audiosocket(server: Server, client: Client, tmp_path: Path) -> None:
    came = bytearray()
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loud = pcm(CLIENT, 2.0)
        for start in range(0, len(loud), 320):
            writer.write(b"\x10\x01\x40" + loud[start : start + 320])
        while octets := await reader.read(4096):
            came.extend(octets)
        hung_up.set()
        writer.close()

    bot = await asyncio.start_server(serve, "127.0.0.1", TCP_PORT)
    voice = prompts.write(tmp_path / "voice.wav", prompts.tone(CALLER, 1.5))
    async with pjsua(tmp_path) as phone:
        await phone.call("300", server.address)
        await phone.play(voice)
        call_id = await client.call_id()
        await asyncio.sleep(2.5)
        await phone.hang_up()
        assert await phone.over() == 200
    await asyncio.wait_for(hung_up.wait(), 3)
    bot.close()
    assert bytes(came[:19]).hex() == "010010" + call_id.replace("-", "")
    frames = [bytes(came[start : start + 323]) for start in range(19, len(came) - 323, 323)]
    assert {frame[:3] for frame in frames} == {b"\x10\x01\x40"}
    assert near(tones(np.frombuffer(b"".join(frame[3:] for frame in frames), "<i2")), CALLER)
    longest: list[Any] = [s.seconds for s in sound.heard(phone.recording) if abs(s.frequency - CLIENT) < 30]
    assert 1.8 < max(longest) < 2.2, longest


async def test_the_sixth_external_media_is_passed_over(server: Server) -> None:
    async with talking(server, "400") as (_, call):
        await asyncio.sleep(1.5)
        assert near(sound.tones(sound.stretches(call.sound.heard(), 8000)), 600)
    assert "there are 5 media streams on it already" in server.log.read_text()
