"""What must not disturb a call, and what ends it cleanly: garbage, strangers, the death of the media worker."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones import prompts, sound
from tests.phones.server import Server, children, serving
from tests.phones.wire import Line, WireCall, wire

pytestmark = pytest.mark.phones

LONG = """
name: long
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav, sounds/one.wav, sounds/one.wav, sounds/one.wav]}
  - type: digits_receive
    option: {duration: 20000, length: 2}
  - type: digits_send
    option: {digits: "${voipbin.call.digits}", duration: 100, interval: 100}
  - type: sleep
    option: {duration: 60000}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("faults"), {"long": LONG}, numbers={"100": "long"}) as server:
        yield server


def garbage(chance: random.Random) -> Iterator[bytes]:
    """Yield datagrams that are nearly SIP, nearly RTP, or nothing at all."""
    request = b"INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\n\r\n"
    while True:
        yield chance.randbytes(chance.randrange(1, 1400))
        spoiled = bytearray(request)
        for _ in range(8):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        yield bytes(spoiled)
        header = struct.pack("!BBHII", 0x80, 0, chance.randrange(65536), chance.randrange(2**32), 0xBAD)
        yield header + chance.randbytes(160)  # good RTP, of a stranger: PCMU noise
        yield struct.pack("!BBHII", 0x80, 101, 5, 5, 0xBAD) + struct.pack(
            "!BBH", 9, 0x8A, 800
        )  # a stranger's digit


async def spray(call: WireCall, server: Server) -> None:
    """Send 4,000 datagrams of garbage to the SIP, RTP and RTCP ports of a call, from another socket."""
    source = garbage(random.Random(4711))
    ports = (server.port, call.sound.remote[1], call.sound.remote[1] + 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(4000):
            stranger.sendto(next(source), ("127.0.0.1", ports[number % 3]))
            if number % 40 == 39:
                await asyncio.sleep(0.02)


async def test_garbage_on_all_ports_changes_nothing_in_a_call(server: Server) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        await asyncio.sleep(0.5)  # the caller's own packets have made it known
        await spray(call, server)
        await asyncio.sleep(3.0)
        tones = [s for s in sound.stretches(call.sound.heard(), 8000) if s.kind == "tone"]
        assert set(prompts.places([round(tone.frequency / 10) * 10 for tone in tones])) == {"one"}
        assert sum(tone.seconds for tone in tones) == pytest.approx(4 * 1.2, abs=0.3)
        await call.sound.press("42")
        await asyncio.sleep(1.0)
        assert call.sound.digits() == "42"
        assert await call.bye() == 200


async def test_garbage_over_tcp_harms_no_one_else(server: Server) -> None:
    chance = random.Random(815)
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(chance.randbytes(3000) + b"\r\n\r\n")
        writer.close()
    async with wire(server.address) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        assert await call.bye() == 200


async def test_a_dead_media_worker_ends_its_calls_and_the_next_call_works(server: Server) -> None:
    async with wire(server.address) as line:
        calls = [await line.new_call("100") for _ in range(3)]
        assert [await call.invite() for call in calls] == [200, 200, 200]
        workers = [pid for pid in children(server.process.pid) if is_media_worker(pid)]
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(10.0):
            for call in calls:
                await call.ended.wait()
        after = await next_answered_call(line)
        await asyncio.sleep(1.0)
        heard = sound.stretches(after.sound.heard(), 8000)
        assert prompts.places(sound.tones(heard)) == ["one"]
        assert await after.bye() == 200


async def next_answered_call(line: Line) -> WireCall:
    """Call until someone answers: the new worker takes a moment, and until then callers are told 503."""
    async with asyncio.timeout(5.0):
        while True:
            call = await line.new_call("100")
            status = await call.invite()
            if status == 200:
                return call
            assert status == 503
            await asyncio.sleep(0.1)


def is_media_worker(pid: int) -> bool:
    """Tell by its command line; a worker names the module that it runs."""
    try:
        return b"media" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
