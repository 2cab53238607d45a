"""Phones that register here call each other: in pairs, all at once, in vain, and in one room."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest

from tests.phones import prompts, sound
from tests.phones.desks import KINDS, PASSWORD, VOICES, Desk, desk, desks, pjsua_desk, voices
from tests.phones.installed import needs_baresip, needs_linphone, needs_pjsua
from tests.phones.outcome import Outcome, Outcomes, at_once
from tests.phones.server import Server, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

NEEDS = {"baresip": needs_baresip, "linphone": needs_linphone, "pjsua": needs_pjsua}
EXTENSIONS = {str(1000 + number): PASSWORD for number in range(61)}  # 1000 never has a phone
_free = iter(list(EXTENSIONS)[1:])  # each test has extensions of its own: a killed phone stays registered


def extensions(count: int) -> list[str]:
    """Return extensions that no other test uses."""
    return list(itertools.islice(_free, count))


# Number 2001 connects to extension 1001, and says "again" when that one has hung up.
TO = """
name: to_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}]}}
  - type: play
    option: {{stream_urls: [sounds/again.wav]}}
  - type: hangup
"""
# Number 5001 rings the extensions 1001, 1002 and 1003.
RING_ALL = """
name: ring_{first}
actions:
  - type: connect
    option:
      destinations:
        - {{type: extension, target: "{first}"}}
        - {{type: extension, target: "{second}"}}
        - {{type: extension, target: "{third}"}}
  - type: hangup
"""
TELLS = """
name: tells_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}], dial_timeout: 2000}}
  - type: answer
  - type: branch
    option:
      variable: voipbin.connect.result
      target_ids: {{busy: one, refused: two, noanswer: nothing, unreachable: wrong}}
      default_target_id: again
  - {{id: one, type: play, option: {{stream_urls: [sounds/one.wav]}}, next_id: end}}
  - {{id: two, type: play, option: {{stream_urls: [sounds/two.wav]}}, next_id: end}}
  - {{id: nothing, type: play, option: {{stream_urls: [sounds/nothing.wav]}}, next_id: end}}
  - {{id: wrong, type: play, option: {{stream_urls: [sounds/wrong.wav]}}, next_id: end}}
  - {{id: again, type: play, option: {{stream_urls: [sounds/again.wav]}}}}
  - {{id: end, type: hangup}}
"""
RELAYS = """
name: relays_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}], relay_reason: true}}
  - type: answer
  - type: sleep
    option: {{duration: 60000}}
"""
# What relay_reason does, by hand.
COPIES = """
name: copies_{extension}
actions:
  - type: connect
    option: {{destinations: [{{type: extension, target: "{extension}"}}]}}
  - type: hangup
    option: {{reference_id: "${{voipbin.connect.call_id}}"}}
"""
ROOM = """
name: room
actions:
  - type: confbridge_join
    option: {confbridge_id: lobby, type: conference}
  - type: hangup
"""
LISTENER = ROOM.replace("actions:", "actions:\n  - type: mute").replace("name: room", "name: listener")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows = {"room": ROOM, "listener": LISTENER}
    numbers = {"500": "room", "501": "listener"}
    for extension in EXTENSIONS:
        for digit, text in (("2", TO), ("3", TELLS), ("4", RELAYS), ("6", COPIES)):
            name = text.split()[1].format(extension=extension)
            flows[name] = text.format(extension=extension)
            numbers[digit + extension[1:]] = name
    for first, second, third in zip(EXTENSIONS, list(EXTENSIONS)[1:], list(EXTENSIONS)[2:], strict=False):
        flows[f"ring_{first}"] = RING_ALL.format(first=first, second=second, third=third)
        numbers[f"5{first[1:]}"] = f"ring_{first}"
    folder = tmp_path_factory.mktemp("between")
    with serving(folder, flows, numbers=numbers, extensions=EXTENSIONS) as server:
        yield server


async def talk(server: Server, folder: Path, kinds: tuple[str, str], leaver: str) -> list[Outcome]:
    """Let one phone call another through a flow and talk for three seconds; returns both outcomes, caller first."""
    users = extensions(2)
    async with desks(dict(zip(users, kinds, strict=True)), server, folder) as phones:
        caller, callee = (phones[user] for user in users)
        calling = asyncio.create_task(caller.call(f"2{users[1][1:]}", server.address))
        await callee.rings()
        await callee.answer()
        await calling
        await asyncio.sleep(3.0)
        await (caller if leaver == "caller" else callee).hang_up()
        statuses = await asyncio.gather(caller.over(), callee.over())
    return [
        Outcome(phone.recording, status) for phone, status in zip((caller, callee), statuses, strict=True)
    ]


KIND_NAMES = tuple(VOICES)
PAIRS = [
    (caller, called)
    for offset in (1, 2)
    for caller, called in zip(KIND_NAMES, KIND_NAMES[offset:] + KIND_NAMES, strict=False)
]
Pairs = dict[tuple[str, str], list[Outcome] | BaseException]


@pytest.fixture(scope="module")
def pairs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """All pairings, three at a time; in the first round the callers hang up, in the second the called."""

    async def talks(chosen: list[tuple[str, str]], leaver: str) -> list[list[Outcome] | BaseException]:
        folder = tmp_path_factory.mktemp(leaver)
        calls = (talk(server, folder, kinds, leaver) for kinds in chosen)
        return await asyncio.gather(*calls, return_exceptions=True)

    found: Pairs = {}
    for leaver, chosen in (("caller", PAIRS[:3]), ("called", PAIRS[3:])):
        there = [kinds for kinds in chosen if all(KINDS[kind] for kind in kinds)]
        found |= dict(zip(there, asyncio.run(talks(there, leaver)), strict=True))
    return found


def marks(*kinds: str) -> list[pytest.MarkDecorator]:
    return [NEEDS[kind] for kind in kinds]


@pytest.mark.parametrize(
    "kinds", [pytest.param(kinds, marks=marks(*kinds), id=" to ".join(kinds)) for kinds in PAIRS]
)
def test_two_phones_hear_each_other_and_not_themselves(pairs: Pairs, kinds: tuple[str, str]) -> None:
    outcomes = pairs[kinds]
    if isinstance(outcomes, BaseException):
        raise outcomes
    for own, other, outcome in zip(kinds, reversed(kinds), outcomes, strict=True):
        heard = voices(outcome.recording)
        assert heard[other] >= 2.0, (own, heard)
        assert heard[own] == 0.0, (own, heard)
        assert outcome.status == 200


@pytest.mark.parametrize(
    "kinds", [pytest.param(kinds, marks=marks(*kinds), id=" to ".join(kinds)) for kinds in PAIRS[3:]]
)
def test_the_callers_flow_goes_on_when_the_called_hangs_up(pairs: Pairs, kinds: tuple[str, str]) -> None:
    outcomes = pairs[kinds]
    if isinstance(outcomes, BaseException):
        raise outcomes
    assert outcomes[0].heard()[-1] == "again"
    assert "again" not in outcomes[1].heard()


async def stopped(phone: Desk) -> float:
    """Wait until a phone rings no more; returns the time (monotonic s)."""
    await phone.closed()
    return time.monotonic()


@pytest.mark.parametrize("answers", [pytest.param(kind, id=f"{kind} answers") for kind in VOICES])
@pytest.mark.skipif(
    not all(KINDS.values()), reason="needs baresip, linphonec and PJSIP; scripts/phones.sh tells why"
)
async def test_of_three_that_ring_one_answers_and_the_others_stop(
    server: Server, tmp_path: Path, answers: str
) -> None:
    users = dict(zip(extensions(3), VOICES, strict=True))
    async with wire(server.address) as line, desks(users, server, tmp_path) as phones:
        call = await line.new_call(f"5{min(users)[1:]}")
        calling = asyncio.create_task(call.invite())
        await asyncio.gather(*(phone.rings() for phone in phones.values()))
        assert not calling.done()
        assert 180 in call.statuses
        winner = next(phones[user] for user, kind in users.items() if kind == answers)
        losers = [phone for phone in phones.values() if phone is not winner]
        silent = [asyncio.create_task(stopped(loser)) for loser in losers]
        answering = asyncio.create_task(winner.answer())
        assert await calling == 200
        answered = time.monotonic()
        for when in await asyncio.gather(*silent):
            assert when - answered < 0.2  # usually 0.01
        await answering
        await asyncio.sleep(1.0)
        heard = sound.stretches(call.sound.heard(answered + 0.3), 8000)
        assert sound.tones(heard) == [VOICES[answers]]
        assert await call.bye() == 200
        assert await winner.over() == 200


async def in_vain(server: Server, number: str) -> tuple[list[str], float]:
    """Call and hear what the flow says about it: names of tones, and when it answered (monotonic s)."""
    async with wire(server.address) as line:
        call = await line.new_call(number)
        assert await call.invite() == 200
        answered = time.monotonic()
        async with asyncio.timeout(10.0):
            await call.ended.wait()
        return prompts.places(sound.tones(sound.stretches(call.sound.heard(), 8000))), answered


@needs_pjsua
@pytest.mark.parametrize(
    ("status", "place"), [(486, "one"), (600, "one"), (603, "two"), (403, "two"), (480, "nothing")]
)
async def test_a_refusal_goes_on_at_once_and_says_why(
    server: Server, tmp_path: Path, status: int, place: str
) -> None:
    (user,) = extensions(1)
    async with pjsua_desk(user, server, tmp_path) as phone:
        calling = asyncio.create_task(in_vain(server, f"3{user[1:]}"))
        await phone.rings()
        await asyncio.sleep(0.3)
        await phone.refuse(status)
        refused = time.monotonic()
        heard, answered = await calling
    assert heard == [place]
    assert answered - refused < 1.0


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        pytest.param("baresip", {"one"}, marks=needs_baresip),  # 486
        pytest.param("linphone", {"two"}, marks=needs_linphone),  # 603
    ],
)
async def test_other_phones_refuse_in_their_way(
    server: Server, tmp_path: Path, kind: str, places: set[str]
) -> None:
    (user,) = extensions(1)
    async with desk(kind, user, server, tmp_path) as phone:
        calling = asyncio.create_task(in_vain(server, f"3{user[1:]}"))
        await phone.rings()
        await phone.refuse()
        heard, _ = await calling
    assert set(heard) == places


async def test_an_extension_without_a_phone_is_unreachable_at_once(server: Server) -> None:
    began = time.monotonic()
    heard, answered = await in_vain(server, "3000")
    assert heard == ["wrong"]
    assert answered - began < 1.0


@needs_pjsua
async def test_a_phone_that_nobody_answers_stops_ringing_in_time(server: Server, tmp_path: Path) -> None:
    (user,) = extensions(1)
    async with pjsua_desk(user, server, tmp_path) as phone:
        began = time.monotonic()
        calling = asyncio.create_task(in_vain(server, f"3{user[1:]}"))
        await phone.rings()
        assert await phone.over() == 487
        heard, answered = await calling
    assert heard == ["nothing"]
    assert answered - began == pytest.approx(2.0, abs=1.0)


@needs_pjsua
@pytest.mark.parametrize("status", [486, 603, 404])
@pytest.mark.parametrize(
    "digit", [pytest.param("4", id="relay_reason"), pytest.param("6", id="reference_id")]
)
async def test_the_caller_gets_the_status_of_the_called(
    server: Server, tmp_path: Path, status: int, digit: str
) -> None:
    (user,) = extensions(1)
    async with wire(server.address) as line, pjsua_desk(user, server, tmp_path) as phone:
        call = await line.new_call(digit + user[1:])
        calling = asyncio.create_task(call.invite())
        await phone.rings()
        await phone.refuse(status)
        assert await calling == status


@needs_pjsua
async def test_a_caller_who_gives_up_stops_the_ringing(server: Server, tmp_path: Path) -> None:
    first, second = extensions(2)
    async with pjsua_desk(first, server, tmp_path) as caller, pjsua_desk(second, server, tmp_path) as callee:
        await caller.dial(f"2{second[1:]}", server.address)
        await callee.rings()
        await asyncio.sleep(0.3)
        await caller.hang_up()
        assert await callee.over(3.0) == 487
        assert await caller.over(3.0) == 487


async def stay(phone: Desk, number: str, server: Server, seconds: float) -> Outcome:
    """Enter a room, talk, and leave."""
    await phone.call(number, server.address)
    await asyncio.sleep(seconds)
    await phone.hang_up()
    return Outcome(phone.recording, await phone.over())


@pytest.mark.skipif(
    not all(KINDS.values()), reason="needs baresip, linphonec and PJSIP; scripts/phones.sh tells why"
)
async def test_three_phones_in_one_room_hear_both_others_and_not_themselves(
    server: Server, tmp_path: Path
) -> None:
    users = dict(zip(extensions(3), VOICES, strict=True))
    async with desks(users, server, tmp_path) as phones:
        calls: dict[str, Awaitable[Outcome]] = {
            kind: stay(phones[user], "500", server, 3.0 if kind == "pjsua" else 6.0)
            for user, kind in users.items()
        }
        outcomes: Outcomes = await at_once(calls)
    for own in VOICES:
        heard = voices(outcomes.of(own).recording)
        assert heard.pop(own) == 0.0, (own, heard)
        assert min(heard.values()) >= 2.0, (own, heard)
        if own != "pjsua":  # which leaves first
            assert heard["pjsua"] <= 4.0, (own, heard)
            assert max(heard.values()) >= 4.5, (own, heard)


@needs_pjsua
@needs_baresip
async def test_a_muted_phone_hears_and_is_not_heard(server: Server, tmp_path: Path) -> None:
    first, second = extensions(2)
    async with desks({first: "baresip", second: "pjsua"}, server, tmp_path) as phones:
        speaker, listener = await asyncio.gather(
            stay(phones[first], "500", server, 4.0), stay(phones[second], "501", server, 4.0)
        )
    assert voices(speaker.recording) == {"baresip": 0.0, "linphone": 0.0, "pjsua": 0.0}
    assert voices(listener.recording)["baresip"] >= 2.5
