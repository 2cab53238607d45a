"""Five phones call the menu, press digits in every way that phones know, and hear the branch they chose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest

from tests.phones import sound
from tests.phones.baresip import baresip
from tests.phones.installed import (
    HAS_BARESIP,
    HAS_LINPHONE,
    HAS_PJSUA,
    HAS_PYVOIP,
    needs_baresip,
    needs_linphone,
    needs_pjsua,
    needs_pyvoip,
)
from tests.phones.linphone import linphone
from tests.phones.outcome import Outcome, Outcomes, at_once
from tests.phones.pjsua import pjsua
from tests.phones.pyvoip import pyvoip
from tests.phones.server import Server, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

MENU = """
name: menu
actions:
  - type: answer
  - id: menu
    type: talk
    option: {text: "Press one for sales, or press two for support.", language: en-US, digits_handle: next}
  - type: digits_receive
    option: {duration: 7000, length: 1}
  - type: condition_variable
    option:
      condition: "=="
      variable: voipbin.call.digits
      value_type: length
      value_length: 0
      false_target_id: choose
  - type: play
    option: {stream_urls: [sounds/nothing.wav]}
  - type: hangup
  - id: choose
    type: branch
    option: {target_ids: {"1": one, "2": two}, default_target_id: wrong}
  - id: one
    type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: hangup
  - id: two
    type: play
    option: {stream_urls: [sounds/two.wav, sounds/two.wav]}
  - type: sleep
    option: {duration: 60000}
  - id: wrong
    type: play
    option: {stream_urls: [sounds/wrong.wav]}
  - type: hangup
"""
MENU_HEARD = 4.0  # s after the answer: the text is over, its digits are still awaited


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("menu"), {"menu": MENU}, numbers={"100": "menu"}) as server:
        asyncio.run(hear_text_once(server.address))
        yield server


async def hear_text_once(server: str) -> None:
    """Wait until the text is synthesised: from then on it begins with the answer."""
    async with wire(server) as line:
        call = await line.new_call("100")
        assert await call.invite() == 200
        async with asyncio.timeout(30.0):
            while not sound.speech(sound.stretches(call.sound(), 8000)):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.2)
        assert await call.bye() == 200


class Caller:
    """The calls that the phones make; each returns what came of it."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder = folder
        self.server = server

    async def by_pjsua(
        self, name: str, digits: str, *, transport: str = "udp", way: str = "events"
    ) -> Outcome:
        """Press `digits` after the menu and wait until the server hangs up."""
        async with pjsua(self.folder, transport=transport, name=name) as phone:
            await phone.call("100", self.server)
            await asyncio.sleep(MENU_HEARD)
            await (phone.press_by_info if way == "info" else phone.press)(digits)
            return Outcome(phone.recording, await phone.over())

    async def in_band_only(self) -> Outcome:
        """Offer no telephone-event at all: the digit can only be heard."""
        async with pjsua(self.folder, events=False, name="inband") as phone:
            await phone.call("100", self.server)
            await asyncio.sleep(MENU_HEARD)
            await phone.play_digits("1")
            return Outcome(phone.recording, await phone.over())

    async def impatient(self) -> Outcome:
        """Press the digit into the text, which it ends; then hang up first."""
        async with pjsua(self.folder, name="impatient") as phone:
            await phone.call("100", self.server)
            await asyncio.sleep(0.8)
            await phone.press("2")
            await asyncio.sleep(2.0)
            await phone.hang_up()
            return Outcome(phone.recording, await phone.over())

    async def silent_caller(self) -> Outcome:
        """Press nothing."""
        async with pjsua(self.folder, name="silent") as phone:
            await phone.call("100", self.server)
            return Outcome(phone.recording, await phone.over(30.0))

    async def leaver(self) -> Outcome:
        """Hang up in the middle of the text."""
        async with pjsua(self.folder, name="leaver") as phone:
            await phone.call("100", self.server)
            await asyncio.sleep(1.2)
            await phone.hang_up()
            return Outcome(phone.recording, await phone.over())

    async def by_baresip(self) -> Outcome:
        async with baresip(self.folder) as phone:
            await phone.call("100", self.server)
            await asyncio.sleep(MENU_HEARD)
            await phone.press("2")
            await asyncio.sleep(2.0)
            await phone.hang_up()
            await phone.over()
            return Outcome(phone.recording)

    async def by_linphone(self) -> Outcome:
        async with linphone(self.folder) as phone:
            await phone.call("100", self.server)
            await asyncio.sleep(MENU_HEARD)
            await phone.press("1")
            await phone.over()
            return Outcome(phone.recording)

    async def by_pyvoip(self) -> Outcome:
        """pyVoIP's digits are always in the sound, though it offers telephone-event."""
        async with pyvoip(self.folder, self.server) as phone:
            await phone.call("100", self.server)
            await asyncio.sleep(MENU_HEARD)
            await phone.press("2")
            await asyncio.sleep(2.5)
            await phone.hang_up()
            await phone.over()
            return Outcome(phone.recording)


@pytest.fixture(scope="module")
def outcomes(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    caller = Caller(tmp_path_factory.mktemp("phones"), server.address)
    calls: dict[str, Awaitable[Outcome]] = {}
    if HAS_PJSUA:
        calls |= {
            "pjsua udp": caller.by_pjsua("udp", "1"),
            "pjsua tcp": caller.by_pjsua("tcp", "1", transport="tcp"),
            "pjsua info": caller.by_pjsua("info", "1", way="info"),
            "pjsua wrong digit": caller.by_pjsua("wrong", "7"),
            "pjsua in-band": caller.in_band_only(),
            "pjsua impatient": caller.impatient(),
            "pjsua silent": caller.silent_caller(),
            "pjsua leaver": caller.leaver(),
        }
    if HAS_BARESIP:
        calls["baresip"] = caller.by_baresip()
    if HAS_LINPHONE:
        calls["linphone"] = caller.by_linphone()
    if HAS_PYVOIP:
        calls["pyvoip"] = caller.by_pyvoip()
    return asyncio.run(at_once(calls))


@pytest.mark.parametrize(
    ("call", "place"),
    [
        pytest.param("pjsua udp", "one", marks=needs_pjsua),
        pytest.param("pjsua tcp", "one", marks=needs_pjsua),
        pytest.param("pjsua info", "one", marks=needs_pjsua),
        pytest.param("pjsua in-band", "one", marks=needs_pjsua),
        pytest.param("pjsua wrong digit", "wrong", marks=needs_pjsua),
        pytest.param("pjsua silent", "nothing", marks=needs_pjsua),
        pytest.param("baresip", "two", marks=needs_baresip),
        pytest.param("linphone", "one", marks=needs_linphone),
        pytest.param("pyvoip", "two", marks=needs_pyvoip),
    ],
)
def test_a_phone_hears_the_menu_and_then_where_its_digit_leads(
    outcomes: Outcomes, call: str, place: str
) -> None:
    outcome = outcomes.of(call)
    assert 1.5 < outcome.speech() < 4.0
    assert set(outcome.heard()) == {place}
    assert outcome.status == 200


@needs_pjsua
def test_a_digit_ends_the_text_and_counts(outcomes: Outcomes) -> None:
    assert outcomes.of("pjsua impatient").speech() < 1.5
    assert set(outcomes.of("pjsua impatient").heard()) == {"two"}


@needs_pjsua
def test_a_caller_who_hangs_up_in_the_text_hears_nothing_more(outcomes: Outcomes) -> None:
    outcome = outcomes.of("pjsua leaver")
    assert 0.3 < outcome.speech() < 1.8
    assert outcome.heard() == []
    assert outcome.status == 200


@needs_pjsua
def test_no_call_leaves_a_port_behind(server: Server, outcomes: Outcomes) -> None:
    outcomes.of("pjsua udp")
    assert server.media_sockets_left(40.0) == 0
