"""What the server says about the sound of a call once it is over: counted by itself, and reported by the phone."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media import rtcp
from tests.phones.installed import needs_pjsua
from tests.phones.pjsua import pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import wire
from tests.phones.wire_sound import Sound

pytestmark = pytest.mark.phones

TALK = """
name: talk
actions:
  - type: answer
  - type: echo
    option: {duration: 60000}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("quality"), {"talk": TALK}, log={"format": "json"}) as server:
        yield server


async def told(server: Server, known: int) -> dict[str, float | None]:
    """Wait for one more line about quality than are known, and return it."""
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline:
        lines = qualities(server)
        if len(lines) > known:
            return lines[-1]
        await asyncio.sleep(0.05)
    raise AssertionError("no line about quality")


def qualities(server: Server) -> list[dict[str, float | None]]:
    lines = server.log.read_text(errors="replace").splitlines()
    return [json.loads(line) for line in lines if '"event": "call quality"' in line]


def senders(sound: Sound) -> set[int]:
    """Return the set of the SSRCs that speak to a phone; it fills as packets come."""
    found: set[int] = set()
    take = sound.datagram_received

    def look(data: bytes, source: tuple[str, int]) -> None:
        if len(data) >= 12 and data[1] & 0x7F < 72:  # no RTCP (RFC 5761 section 4)
            found.add(struct.unpack_from("!I", data, 8)[0])
        take(data, source)

    sound.datagram_received = look  # type: ignore[method-assign]
    return found


async def test_lost_packets_of_both_directions(server: Server) -> None:
    known = len(qualities(server))
    async with wire(server.address) as line:
        call = await line.new_call("100")
        ssrcs = senders(call.sound)
        assert await call.invite() == 200
        await asyncio.sleep(1.0)
        call.sound._sequence += 20  # which never come
        await asyncio.sleep(1.0)
        (ssrc,) = ssrcs
        block = rtcp.Block(ssrc, 10, 25, 100, 240, 0, 0)
        assert call.sound.transport is not None
        call.sound.transport.sendto(rtcp.build_report(0x5EED, None, [block], "phone"), call.sound.remote)
        await asyncio.sleep(0.2)
        assert await call.bye() == 200
    quality = await told(server, known)
    heard, sent = quality["heard"], quality["sent"]
    assert heard is not None and sent is not None
    assert 100 <= heard <= 150  # 2.2 s and the gap
    assert quality["heard_lost"] == pytest.approx(100 * 20 / heard, abs=0.1)
    assert quality["sent_lost"] == pytest.approx(100 * 25 / sent, abs=0.1)
    assert quality["sent_jitter"] == 30.0
    assert quality["round_trip"] is None


async def test_a_phone_that_reports_nothing(server: Server) -> None:
    known = len(qualities(server))
    async with wire(server.address) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        await asyncio.sleep(0.5)
        assert await call.bye() == 200
    quality = await told(server, known)
    assert quality["heard_lost"] == 0.0
    assert quality["sent_lost"] is None


@needs_pjsua
async def test_a_real_phone_reports_loss_jitter_and_the_round_trip(server: Server, tmp_path: Path) -> None:
    known = len(qualities(server))
    async with pjsua(tmp_path) as phone:
        await phone.call("100", server.address)
        await asyncio.sleep(11.0)  # our report, and the phone's that answers it
        await phone.hang_up()
        assert await phone.over() == 200
    quality = await told(server, known)
    assert quality["heard_lost"] == quality["sent_lost"] == 0.0
    trip, heard = quality["round_trip"], quality["heard_jitter"]
    assert trip is not None and 0 < trip < 500
    assert heard is not None and heard < 50
