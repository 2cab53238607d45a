"""Across a bridge: other codecs and transports, digits, early sound; calls of a flow's own; many rooms at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones import prompts, sound
from tests.phones.desks import PASSWORD, VOICES, desk, pjsua_desk, voices, voices_in
from tests.phones.installed import needs_baresip, needs_pjsua
from tests.phones.server import Server, serving
from tests.phones.wire import Line, WireCall, wire
from tests.phones.wire_sound import encode_ulaw

pytestmark = pytest.mark.phones

EXTENSIONS = {str(1100 + number): PASSWORD for number in range(30)}
_free = iter(EXTENSIONS)  # each test has extensions of its own: a killed phone stays registered

# Number 2100 connects to extension 1100, number 3100 lets early sound through.
TO = """
name: to_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}]}}
"""
EARLY = """
name: early_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}], early_media: true}}
"""
# Number 4100 calls extension 1100 beside the caller, number 5100 only for as long as the caller stays.
ALARM = """
name: alarm_{extension}
actions:
  - type: answer
  - type: call
    option:
      destinations: [{{type: extension, target: "{extension}"}}]
      actions: [{{type: play, option: {{stream_urls: [sounds/one.wav]}}}}]
  - type: play
    option: {{stream_urls: [sounds/two.wav]}}
"""
CHAINED = """
name: chained_{extension}
actions:
  - type: answer
  - type: call
    option:
      destinations: [{{type: extension, target: "{extension}"}}]
      chained: true
      actions: [{{type: sleep, option: {{duration: 60000}}}}]
  - type: sleep
    option: {{duration: 60000}}
"""
ROOM = """
name: room
actions:
  - type: confbridge_join
    option: {confbridge_id: "${voipbin.call.destination.target}", type: conference}
"""
ROOMS = [str(number) for number in range(700, 710)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows, numbers = {"room": ROOM}, dict.fromkeys(ROOMS, "room")
    for extension in EXTENSIONS:
        for digit, text in (("2", TO), ("3", EARLY), ("4", ALARM), ("5", CHAINED)):
            name = text.split()[1].format(extension=extension)
            flows[name] = text.format(extension=extension)
            numbers[digit + extension[1:]] = name
    folder = tmp_path_factory.mktemp("bridges")
    with serving(folder, flows, numbers=numbers, extensions=EXTENSIONS) as server:
        yield server


def extensions(count: int) -> list[str]:
    """Return extensions that no other test uses."""
    return list(itertools.islice(_free, count))


@needs_pjsua
@needs_baresip
@pytest.mark.parametrize(("codec", "transport"), [("G722", "udp"), ("PCMA", "tcp"), ("G722", "tcp")])
@pytest.mark.parametrize("calls", ["pjsua", "baresip"])
async def test_codecs_and_transports_differ_across_a_bridge(
    server: Server, tmp_path: Path, codec: str, transport: str, calls: str
) -> None:
    users = dict(zip(("pjsua", "baresip"), extensions(2), strict=True))
    async with (
        pjsua_desk(users["pjsua"], server, tmp_path, codec=codec, transport=transport) as wide,
        desk("baresip", users["baresip"], server, tmp_path) as narrow,
    ):
        caller, callee = (wide, narrow) if calls == "pjsua" else (narrow, wide)
        called = users["baresip" if calls == "pjsua" else "pjsua"]
        calling = asyncio.create_task(caller.call(called, server.address))  # straight to the extension
        await callee.rings()
        await callee.answer()
        await calling
        await asyncio.sleep(2.5)
        await caller.hang_up()
        await asyncio.gather(caller.over(), callee.over())
        assert set(wide.codecs()) == {codec}
    for phone, own, other in ((wide, "pjsua", "baresip"), (narrow, "baresip", "pjsua")):
        heard = voices(phone.recording)
        assert (heard[own], heard[other] >= 1.5) == (0.0, True), (own, heard)


@needs_pjsua
@pytest.mark.parametrize("event_type", [96, 101, 110])
async def test_digits_cross_a_bridge_once_each_in_both_directions(
    server: Server, tmp_path: Path, event_type: int
) -> None:
    (user,) = extensions(1)
    async with wire(server.address) as line, pjsua_desk(user, server, tmp_path) as phone:
        call = await line.new_call(f"2{user[1:]}", event_type)
        calling = asyncio.create_task(call.invite())
        await phone.rings()
        await phone.answer()
        assert await calling == 200
        await asyncio.sleep(0.5)
        await call.sound.press("1159#")
        await phone.press("0077*D")
        for digit in "1159#":
            await phone.child.line(rf'"event": "digit", .*"digit": "{digit}"')
        await asyncio.sleep(2.5)
        assert call.sound.digits() == "0077*D"
        assert phone.child.output.count('"event": "digit"') == 5
        assert await call.bye() == 200


@needs_pjsua
async def test_early_sound_reaches_the_caller_before_the_answer(server: Server, tmp_path: Path) -> None:
    first, second = extensions(2)
    async with pjsua_desk(first, server, tmp_path) as caller, pjsua_desk(second, server, tmp_path) as callee:
        await caller.dial(f"3{second[1:]}", server.address)
        await callee.rings()
        await callee.speak_early()
        await asyncio.sleep(1.5)
        await callee.refuse(486)
        assert await caller.over() >= 400  # it never was answered
    assert voices(caller.recording)["pjsua"] >= 0.8


@needs_pjsua
async def test_a_call_of_the_flows_own_runs_beside_it(server: Server, tmp_path: Path) -> None:
    (user,) = extensions(1)
    async with wire(server.address) as line, pjsua_desk(user, server, tmp_path) as phone:
        call = await line.new_call(f"4{user[1:]}")
        assert await call.invite() == 200
        async with asyncio.timeout(10.0):
            await call.ended.wait()  # the caller's flow did not wait for the phone
        await phone.rings()
        await phone.answer()
        assert await phone.over() == 200  # after its own steps
        assert prompts.places(sound.tones(sound.stretches(call.sound.heard(), 8000))) == ["two"]
    assert prompts.places(sound.tones(sound.heard(phone.recording))) == ["one"]


@needs_pjsua
@pytest.mark.parametrize("answered", [False, True])
async def test_a_chained_call_ends_with_its_parent(server: Server, tmp_path: Path, answered: bool) -> None:
    (user,) = extensions(1)
    async with wire(server.address) as line, pjsua_desk(user, server, tmp_path) as phone:
        call = await line.new_call(f"5{user[1:]}")
        assert await call.invite() == 200
        await phone.rings()
        if answered:
            await phone.answer()
        await asyncio.sleep(0.3)
        assert await call.bye() == 200
        assert await phone.over(3.0) == (200 if answered else 487)


async def enter(line: Line, room: str, voice: bytes) -> WireCall:
    """Enter a room and say something in it over and over."""
    call = await line.new_call(room)
    call.sound.voice = voice
    assert await call.invite() == 200
    return call


async def test_ten_rooms_of_three_keep_their_voices_apart(server: Server) -> None:
    spoken = {kind: encode_ulaw(prompts.tone(frequency, 1.0)) for kind, frequency in VOICES.items()}
    async with wire(server.address) as line:
        seats = [(room, kind) for room in ROOMS for kind in VOICES]
        calls = await asyncio.gather(*(enter(line, room, spoken[kind]) for room, kind in seats))
        seated = dict(zip(seats, calls, strict=True))
        await asyncio.sleep(3.0)
        leaving = [(room, "pjsua") for room in ROOMS[::2]]
        assert set(await asyncio.gather(*(seated[seat].bye() for seat in leaving))) == {200}
        await asyncio.sleep(2.0)
        for (room, own), call in seated.items():
            heard = voices_in(call.sound.heard(), 8000)
            assert heard.pop(own) == 0.0, (room, own, heard)
            left_early = (room, own) in leaving
            for other, seconds in heard.items():
                short = left_early or (room, other) in leaving
                assert (2.0 if short else 4.0) <= seconds <= (4.0 if short else 9.0), (
                    room,
                    own,
                    other,
                    seconds,
                )
        staying = [call for seat, call in seated.items() if seat not in leaving]
        assert set(await asyncio.gather(*(call.bye() for call in staying))) == {200}
