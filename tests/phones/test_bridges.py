"""Across a bridge: other codecs and transports, digits, early sound; calls of a flow's own; many rooms at once."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.phones import prompts, sound
from tests.phones.desks import PASSWORD, VOICES, desk, pjsua_desk, voices, voices_in
from tests.phones.installed import HAS_BARESIP, HAS_PJSUA, needs_baresip, needs_pjsua
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
# Number 6100 rings extension 1100, and then 1101.
LINEAR = """
name: linear_{extension}
actions:
  - type: connect
    option:
      destinations: [{{type: extension, target: "{extension}"}}, {{type: extension, target: "{following}"}}]
      ring_method: linear
      dial_timeout: 1500
"""
# Number 7100 answers, and then connects to extension 1100.
ANSWERED = TO.replace("to_", "answered_").replace("actions:", "actions:\n  - type: answer")
# Number 8100 calls extension 1100, and connects it with 1101.
BACK = """
name: back_{extension}
actions:
  - type: call
    option:
      destinations: [{{type: extension, target: "{extension}"}}]
      actions:
        - type: connect
          option: {{destinations: [{{type: extension, target: "{following}"}}]}}
        - type: play
          option: {{stream_urls: [sounds/again.wav]}}
"""
MEETING = """
name: meeting
actions:
  - type: conference_join
    option: {conference_id: weekly}
"""
BEFORE = """
name: before
actions:
  - type: play
    option: {stream_urls: [sounds/one.wav]}
"""
ROOMS = [str(number) for number in range(700, 710)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows, numbers = {"room": ROOM, "meeting": MEETING, "before": BEFORE}, dict.fromkeys(ROOMS, "room")
    numbers["800"] = "meeting"
    for extension, following in itertools.pairwise(EXTENSIONS):
        flows[f"linear_{extension}"] = LINEAR.format(extension=extension, following=following)
        numbers["6" + extension[1:]] = f"linear_{extension}"
        flows[f"back_{extension}"] = BACK.format(extension=extension, following=following)
        numbers["8" + extension[1:]] = f"back_{extension}"
    for extension in EXTENSIONS:
        for digit, text in (("2", TO), ("3", EARLY), ("4", ALARM), ("5", CHAINED), ("7", ANSWERED)):
            name = text.split()[1].format(extension=extension)
            flows[name] = text.format(extension=extension)
            numbers[digit + extension[1:]] = name
    folder = tmp_path_factory.mktemp("bridges")
    meetings = [{"id": "weekly", "pre_flow_id": "before"}]
    with serving(folder, flows, numbers=numbers, extensions=EXTENSIONS, conferences=meetings) as server:
        yield server


def extensions(count: int) -> list[str]:
    """Return extensions that no other test uses."""
    return list(itertools.islice(_free, count))


# Who calls, and the codec and the transport of PJSIP; baresip has PCMU over UDP.
MIXED = [
    (caller, codec, transport)
    for caller in ("pjsua", "baresip")
    for codec, transport in (("G722", "udp"), ("PCMA", "tcp"), ("G722", "tcp"))
]


async def mixed(server: Server, folder: Path, calls: str, codec: str, transport: str) -> tuple[Path, Path]:
    """Let PJSIP and baresip talk, dialling the extension itself; returns what the two heard."""
    users = dict(zip(("pjsua", "baresip"), extensions(2), strict=True))
    async with (
        pjsua_desk(users["pjsua"], server, folder, codec=codec, transport=transport) as wide,
        desk("baresip", users["baresip"], server, folder) as narrow,
    ):
        caller, callee = (wide, narrow) if calls == "pjsua" else (narrow, wide)
        called = users["baresip" if calls == "pjsua" else "pjsua"]
        calling = asyncio.create_task(caller.call(called, server.address))
        await callee.rings()
        await callee.answer()
        await calling
        await asyncio.sleep(2.5)
        await caller.hang_up()
        await asyncio.gather(caller.over(), callee.over())
        assert set(wide.codecs()) == {codec}
    return wide.recording, narrow.recording


@pytest.fixture(scope="module")
def recordings(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str, str], tuple[Path, Path] | BaseException]:
    """What the phones heard in each of MIXED, three at a time."""
    if not (HAS_PJSUA and HAS_BARESIP):
        return {}
    folder = tmp_path_factory.mktemp("mixed")

    async def run_all() -> list[tuple[Path, Path] | BaseException]:
        found = []
        for batch in (MIXED[:3], MIXED[3:]):
            found += await asyncio.gather(
                *(mixed(server, folder, *case) for case in batch), return_exceptions=True
            )
        return found

    return dict(zip(MIXED, asyncio.run(run_all()), strict=True))


@needs_pjsua
@needs_baresip
@pytest.mark.parametrize("case", [pytest.param(case, id=" ".join(case)) for case in MIXED])
def test_codecs_and_transports_differ_across_a_bridge(
    recordings: dict[tuple[str, str, str], tuple[Path, Path] | BaseException], case: tuple[str, str, str]
) -> None:
    heard_by = recordings[case]
    if isinstance(heard_by, BaseException):
        raise heard_by
    for recording, own, other in zip(heard_by, ("pjsua", "baresip"), ("baresip", "pjsua"), strict=True):
        heard = voices(recording)
        assert (heard[own], heard[other] >= 1.5) == (0.0, True), (own, heard)


async def digits_across(server: Server, folder: Path, event_type: int) -> tuple[str, str]:
    """Press digits on both sides of a bridge; returns what PJSIP and what the caller made by hand were told."""
    (user,) = extensions(1)
    async with wire(server.address) as line, pjsua_desk(user, server, folder) as phone:
        call = await line.new_call(f"2{user[1:]}", event_type)
        calling = asyncio.create_task(call.invite())
        await phone.rings()
        await phone.answer()
        assert await calling == 200
        await asyncio.sleep(0.5)
        await call.sound.press("1159#")
        await phone.press("0077*D")
        await asyncio.sleep(3.0)
        assert await call.bye() == 200
        return "".join(
            re.findall(r'"event": "digit", .*"digit": "(.)"', phone.child.output)
        ), call.sound.digits()


@needs_pjsua
async def test_digits_cross_a_bridge_once_each_in_both_directions(server: Server, tmp_path: Path) -> None:
    told = await asyncio.gather(*(digits_across(server, tmp_path, kind) for kind in (96, 101, 110)))
    assert told == [("1159#", "0077*D")] * 3


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
async def test_a_caller_who_is_answered_already_hears_ringing_until_the_answer(
    server: Server, tmp_path: Path
) -> None:
    (user,) = extensions(1)
    async with wire(server.address) as line, pjsua_desk(user, server, tmp_path) as phone:
        call = await line.new_call(f"7{user[1:]}")
        assert await call.invite() == 200
        await phone.rings()
        await asyncio.sleep(1.5)
        ringing = call.sound.heard()
        assert not sound.silent(ringing, 8000, 0.0, len(ringing) / 8000)
        assert voices_in(ringing, 8000)["pjsua"] == 0.0
        await phone.answer()
        answered = time.monotonic() + 0.3
        await asyncio.sleep(1.5)
        talking = sound.stretches(call.sound.heard(answered), 8000)
        assert {stretch.kind for stretch in talking} == {"tone"}  # no ringing in it any more
        assert sound.tones(talking) == [VOICES["pjsua"]]
        assert await call.bye() == 200


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
@needs_baresip
async def test_a_call_that_a_flow_has_placed_is_connected(server: Server, tmp_path: Path) -> None:
    first, second = extensions(2)
    async with (
        wire(server.address) as line,
        pjsua_desk(first, server, tmp_path) as called,
        desk("baresip", second, server, tmp_path) as other,
    ):
        call = await line.new_call(f"8{first[1:]}")
        await call.invite()  # its flow ends at once
        await called.rings()
        await called.answer()
        await other.rings()
        await asyncio.sleep(1.0)  # in which the first one hears ringing
        await other.answer()
        await asyncio.sleep(1.5)
        await other.hang_up()
        assert await other.over() == 200
        assert await called.over() == 200  # when its flow is at its end
    heard = sound.tones(sound.heard(called.recording))
    assert prompts.places(heard[-1:]) == ["again"]
    assert voices(called.recording)["baresip"] >= 0.8
    assert voices(other.recording)["pjsua"] >= 0.8
    assert voices(called.recording)["pjsua"] == 0.0


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


@needs_pjsua
async def test_linear_rings_one_after_the_other(server: Server, tmp_path: Path) -> None:
    users = extensions(2)
    async with (
        wire(server.address) as line,
        pjsua_desk(users[0], server, tmp_path) as first,
        pjsua_desk(users[1], server, tmp_path) as second,
    ):
        call = await line.new_call(f"6{users[0][1:]}")
        calling = asyncio.create_task(call.invite())
        await first.rings()
        with pytest.raises(TimeoutError):
            await second.rings(0.7)
        assert await first.closed() == 487
        await second.rings()
        await second.answer()
        assert await calling == 200
        assert await call.bye() == 200
        assert await second.over() == 200


async def test_callers_of_a_conference_go_through_its_flow_and_then_hear_each_other(server: Server) -> None:
    spoken = {kind: encode_ulaw(prompts.tone(VOICES[kind], 1.0)) for kind in ("baresip", "pjsua")}
    async with wire(server.address) as line:
        calls = dict(
            zip(
                spoken,
                await asyncio.gather(*(enter(line, "800", voice) for voice in spoken.values())),
                strict=True,
            )
        )
        await asyncio.sleep(3.5)
        for own, other in (("baresip", "pjsua"), ("pjsua", "baresip")):
            samples = calls[own].sound.heard()
            assert prompts.places(sound.tones(sound.stretches(samples[:9600], 8000))) == ["one"]
            heard = voices_in(samples[9600:], 8000)
            assert (heard[own], heard[other] >= 1.5) == (0.0, True), heard
            assert await calls[own].bye() == 200


@needs_pjsua
@needs_baresip
@pytest.mark.parametrize("holds", ["caller", "called"])
async def test_hold_and_resume_across_a_bridge(server: Server, tmp_path: Path, holds: str) -> None:
    first, second = extensions(2)
    async with (
        pjsua_desk(first, server, tmp_path) as wide,
        desk("baresip", second, server, tmp_path) as narrow,
    ):
        caller, callee, called = (wide, narrow, second) if holds == "caller" else (narrow, wide, first)
        calling = asyncio.create_task(caller.call(called, server.address))
        await callee.rings()
        await callee.answer()
        await calling
        await asyncio.sleep(1.0)
        await wide.hold()
        at_hold = await wide.packets()
        await asyncio.sleep(1.5)
        assert await wide.packets() - at_hold <= 2
        await wide.resume()
        await asyncio.sleep(1.5)
        await wide.hang_up()
        await asyncio.gather(wide.over(), narrow.over())
    for phone, other in ((wide, "baresip"), (narrow, "pjsua")):
        samples, rate = sound.load(phone.recording)
        assert voices_in(samples[-rate:], rate)[other] >= 0.8
    samples, rate = sound.load(narrow.recording)
    assert voices_in(samples, rate)["pjsua"] <= 3.2  # of four seconds
