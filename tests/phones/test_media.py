"""Codecs, hold and resume, and calls that end in unusual ways, with PJSIP and with a caller made by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.phones import prompts, sound
from tests.phones.baresip import Baresip, baresip
from tests.phones.installed import needs_baresip, needs_linphone, needs_pjsua
from tests.phones.linphone import Linphone, linphone
from tests.phones.pjsua import pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

LONG = """
name: long
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav, sounds/one.wav, sounds/one.wav, sounds/one.wav, sounds/one.wav]}
  - type: hangup
"""
RETURN = """
name: return
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/two.wav]}
  - type: echo
    option: {duration: 20000}
"""
LATE = """
name: late
actions:
  - type: sleep
    option: {duration: 30000}
  - type: answer
"""
EARLY = """
name: early
actions:
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: answer
  - type: play
    option: {stream_urls: [sounds/two.wav]}
  - type: hangup
"""
RTP_TIMEOUT = 3.0  # s


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows = {"long": LONG, "return": RETURN, "late": LATE, "early": EARLY}  # 100, 200, 300, 400
    with serving(tmp_path_factory.mktemp("media"), flows, media={"rtp_timeout": RTP_TIMEOUT}) as server:
        yield server


@needs_pjsua
@pytest.mark.parametrize(("codec", "name"), [("PCMU", "PCMU"), ("PCMA", "PCMA"), ("G722", "G722")])
async def test_each_codec_sounds_in_both_directions(
    server: Server, tmp_path: Path, codec: str, name: str
) -> None:
    voice = prompts.write(tmp_path / "voice.wav", prompts.tone(prompts.TONES["caller"], 2.0))
    async with pjsua(tmp_path, codec=codec) as phone:
        await phone.call("200", server.address)
        await asyncio.sleep(1.5)
        await phone.play(voice)
        await asyncio.sleep(2.5)
        await phone.hang_up()
        assert await phone.over() == 200
        assert phone.codecs() == [name]
    assert prompts.places(sound.tones(sound.heard(phone.recording))) == ["two", "caller"]


@needs_pjsua
async def test_a_held_call_gets_no_sound_and_gets_it_back(server: Server, tmp_path: Path) -> None:
    async with pjsua(tmp_path) as phone:
        await phone.call("100", server.address)
        await asyncio.sleep(1.0)
        await phone.hold()
        at_hold = await phone.packets()
        await asyncio.sleep(1.0)
        held = await phone.packets() - at_hold
        await phone.resume()
        resumed = await phone.packets()
        await asyncio.sleep(1.0)
        assert await phone.packets() - resumed > 25
        await phone.hang_up()
        assert await phone.over() == 200
    assert held <= 2
    samples, rate = sound.load(phone.recording)
    assert not sound.silent(samples, rate, len(samples) / rate - 0.6, len(samples) / rate)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_hold_on_the_wire_is_silence_and_resume_is_sound(server: Server, direction: str) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        await asyncio.sleep(0.5)
        assert await call.invite(direction) == 200
        held = time.monotonic() + 0.2
        await asyncio.sleep(1.0)
        during = call.sound.heard(held)
        assert len(during) == 0 or sound.silent(during, 8000, 0.0, len(during) / 8000)
        assert await call.invite() == 200
        resumed = time.monotonic() + 0.2
        await asyncio.sleep(0.8)
        heard = sound.stretches(call.sound.heard(resumed), 8000)
        assert prompts.places(sound.tones(heard)) == ["one"]
        assert await call.bye() == 200


@pytest.mark.parametrize(
    "phone",
    [
        pytest.param(baresip, marks=needs_baresip, id="baresip"),
        pytest.param(linphone, marks=needs_linphone, id="linphone"),
    ],
)
async def test_other_phones_hold_and_get_the_sound_back(
    server: Server, tmp_path: Path, phone: Callable[[Path], AbstractAsyncContextManager[Baresip | Linphone]]
) -> None:
    async with phone(tmp_path) as caller:
        await caller.call("100", server.address)
        await asyncio.sleep(0.8)
        await caller.hold()
        await asyncio.sleep(0.8)
        await caller.resume()
        await asyncio.sleep(1.2)
        await caller.hang_up()
        assert await caller.over() == 200
    samples, rate = sound.load(caller.recording)
    end = sound.stretches(samples[-int(0.8 * rate) :], rate)
    assert prompts.places(sound.tones(end)) == ["one"]


async def test_sound_follows_the_caller_to_another_port(server: Server) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        await asyncio.sleep(0.5)
        assert await call.move() == 200
        moved = time.monotonic()
        await asyncio.sleep(0.8)
        first = call.sound.packets[0].at - moved  # the socket is new: all that it got came after the move
        assert first < 0.2
        heard = sound.stretches(call.sound.heard(moved + 0.2), 8000)
        assert prompts.places(sound.tones(heard)) == ["one"]
        assert await call.bye() == 200


@needs_pjsua
async def test_early_media_is_heard_before_the_answer(server: Server, tmp_path: Path) -> None:
    async with pjsua(tmp_path) as phone:
        await phone.dial("400", server.address)
        await phone.child.line(r'"state": "EARLY", "code": 183')
        await phone.child.line(r'"state": "CONFIRMED"')
        assert await phone.over() == 200
    assert prompts.places(sound.tones(sound.heard(phone.recording))) == ["one", "two"]


@needs_pjsua
async def test_cancel_before_the_flow_answers(server: Server, tmp_path: Path) -> None:
    async with pjsua(tmp_path) as phone:
        await phone.dial("300", server.address)
        await asyncio.sleep(1.0)
        await phone.hang_up()
        assert await phone.over(5.0) == 487


async def test_a_phone_that_holds_may_be_silent_and_afterwards_not(server: Server) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("200")
        assert await call.invite() == 200
        await asyncio.sleep(0.5)
        assert await call.invite(direction="sendonly") == 200
        call.sound.talking = False
        await asyncio.sleep(RTP_TIMEOUT + 1.0)
        assert not call.ended.is_set()
        assert await call.invite() == 200
        call.sound.talking = False
        resumed = time.monotonic()
        async with asyncio.timeout(RTP_TIMEOUT + 3.0):
            await call.ended.wait()
        assert time.monotonic() - resumed == pytest.approx(RTP_TIMEOUT, abs=1.0)


@needs_pjsua
async def test_a_phone_that_is_killed_is_hung_up_by_the_rtp_timeout(server: Server, tmp_path: Path) -> None:
    async with wire(server.address) as line, pjsua(tmp_path) as phone:
        await phone.call("200", server.address)
        call = await line.new_call("200")  # goes silent without dying: it can tell when the BYE comes
        assert await call.invite() == 200
        await asyncio.sleep(1.0)
        phone.child.kill()
        call.sound.talking = False
        silent_since = time.monotonic()
        async with asyncio.timeout(RTP_TIMEOUT + 5.0):
            await call.ended.wait()
        assert time.monotonic() - silent_since == pytest.approx(RTP_TIMEOUT, abs=1.5)
        assert await asyncio.to_thread(server.media_sockets_left, 60.0) == 0
