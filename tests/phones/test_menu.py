"""Five phones call the menu, press digits in every way that phones know, and hear the branch they chose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import AbstractAsyncContextManager
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
from tests.phones.phone import Phone
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
MENU_HEARD = 5.5  # s after the answer: the text is over for more than a second, its digits are still awaited


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("menu"), {"menu": MENU}, numbers={"100": "menu"}) as server:
        yield server


@pytest.fixture(scope="module")
def text_length(server: Server) -> float:
    """How long the menu's text is (s), heard once before the phones call; by then its sound is made."""

    async def listen() -> float:
        async with wire(server.address) as line:
            call = await line.new_call("100")
            assert await call.invite() == 200
            while True:
                await asyncio.sleep(1.0)
                found = sound.stretches(call.sound.heard(), 8000)
                if sound.speech(found) and found[-1].kind == "silence" and found[-1].seconds > 1.0:
                    assert await call.bye() == 200
                    return sound.speech(found)

    length = asyncio.run(asyncio.wait_for(listen(), 40.0))
    assert 1.5 < length < 4.2
    return length


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

    async def by(self, phone: AbstractAsyncContextManager[Phone], digits: str, *, leaves: bool) -> Outcome:
        """Press `digits` after the menu; then hang up, or wait until the server does."""
        async with phone as caller:
            await caller.call("100", self.server)
            await asyncio.sleep(MENU_HEARD)
            await caller.press(digits)
            if leaves:
                await asyncio.sleep(2.2)
                await caller.hang_up()
            return Outcome(caller.recording, await caller.over())


@pytest.fixture(scope="module")
def outcomes(server: Server, text_length: float, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    assert text_length < MENU_HEARD - 1.2  # linphonec hears its own keypad: that is not the text
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
    for ending, digit, leaves in (("leaves", "2", True), ("stays", "1", False)):
        if HAS_BARESIP:
            phone: AbstractAsyncContextManager[Phone] = baresip(caller.folder, name=f"baresip-{ending}")
            calls[f"baresip {ending}"] = caller.by(phone, digit, leaves=leaves)
        if HAS_LINPHONE:
            phone = linphone(caller.folder, name=f"linphone-{ending}")
            calls[f"linphone {ending}"] = caller.by(phone, digit, leaves=leaves)
        if HAS_PYVOIP:  # its digits are always in the sound, though it offers telephone-event
            phone = pyvoip(caller.folder, server.address, name=f"pyvoip-{ending}")
            calls[f"pyvoip {ending}"] = caller.by(phone, digit, leaves=leaves)
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
        pytest.param("baresip leaves", "two", marks=needs_baresip),
        pytest.param("baresip stays", "one", marks=needs_baresip),
        pytest.param("linphone leaves", "two", marks=needs_linphone),
        pytest.param("linphone stays", "one", marks=needs_linphone),
        pytest.param("pyvoip leaves", "two", marks=needs_pyvoip),
        pytest.param("pyvoip stays", "one", marks=needs_pyvoip),
    ],
)
def test_a_phone_hears_the_menu_and_then_where_its_digit_leads(
    outcomes: Outcomes, text_length: float, call: str, place: str
) -> None:
    outcome = outcomes.of(call)
    assert outcome.speech() == pytest.approx(text_length, abs=0.3)
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
