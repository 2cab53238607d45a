"""Encrypted sound (SRTP by SDES): callers made by hand for what phones rarely do, and phones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.phones.desks import voices_in
from tests.phones.server import Server, serving
from tests.phones.wire import WireCall, wire
from tests.phones.wire_sound import encode_ulaw, open_socket
from tests.phones.wire_srtp import SUITES, SecureSound

pytestmark = pytest.mark.phones

ECHO = """
name: echo
actions:
  - type: answer
  - type: echo
"""
DIGITS = """
name: digits
actions:
  - type: answer
  - type: digits_receive
    option: {duration: 20000, length: 3}
  - type: digits_send
    option: {digits: "${voipbin.call.digits}"}
  - type: sleep
    option: {duration: 20000}
"""
TONE = encode_ulaw(0.3 * np.sin(2 * np.pi * 700 / 8000 * np.arange(8000)))  # 700 Hz, as baresip's voice


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("srtp")
    with serving(
        folder, {"echo": ECHO, "digits": DIGITS}, numbers={"100": "echo", "200": "digits"}
    ) as server:
        yield server


@asynccontextmanager
async def calling(
    server: Server, sound: SecureSound, number: str = "100"
) -> AsyncIterator[tuple[WireCall, SecureSound]]:
    """Call a number with SRTP; the caller says a tone."""
    async with wire(server.address) as line:
        call = await line.new_call(number)
        call.sound.close()
        await open_socket(sound)
        call.sound = sound
        sound.voice = TONE
        assert await call.invite() == 200
        sound.agree(call)
        yield call, sound
        assert await call.bye() == 200


def heard(sound: SecureSound, since: float) -> float:
    """Return for how many seconds the tone was heard since a time."""
    return voices_in(sound.heard(since), 8000)["baresip"]


@pytest.mark.parametrize("suite", SUITES)
async def test_a_secure_call_is_heard(server: Server, suite: str) -> None:
    async with calling(server, SecureSound(suite=suite)) as (_, sound):
        await asyncio.sleep(1.5)
        assert heard(sound, 0.0) >= 1.0
        assert sound.forged == 0


async def test_sequence_numbers_that_begin_at_65500_roll_over(server: Server) -> None:
    sound = SecureSound()
    sound._sequence = 65_500
    async with calling(server, sound):
        await asyncio.sleep(1.0)
        rolled = time.monotonic()
        await asyncio.sleep(1.0)
        assert sound._sequence > 65_580
        assert heard(sound, rolled) >= 0.8


@pytest.mark.parametrize("keys", ["the same", "new"])
async def test_hold_and_resume(server: Server, keys: str) -> None:
    async with calling(server, SecureSound()) as (call, sound):
        await asyncio.sleep(0.5)
        before = sound.theirs
        for direction in ("sendonly", "sendrecv"):
            if keys == "new":
                sound.bring_key()
            assert await call.invite(direction) == 200
            sound.agree(call)
            await asyncio.sleep(0.4)
        resumed = time.monotonic()
        await asyncio.sleep(1.0)
        assert heard(sound, resumed) >= 0.8
        assert (sound.theirs == before) is (keys == "the same")


async def test_packets_with_another_key_or_none_and_old_ones_are_not_heard(server: Server) -> None:
    async with calling(server, SecureSound()) as (_, sound):
        await asyncio.sleep(0.6)
        kept = sound.sealed_packets[-20:]
        right = sound.key
        for wrong in ("another key", "no key", "old packets"):
            if wrong == "another key":
                sound.bring_key()
            sound.plain = wrong == "no key"
            if wrong == "old packets":
                sound.talking = False
                for packet in kept:
                    sound.resend(packet)
            await asyncio.sleep(0.5)
            since = time.monotonic()
            await asyncio.sleep(0.4)
            assert heard(sound, since) == 0.0, wrong
            sound.bring_key(right)


async def test_digits_come_and_go(server: Server) -> None:
    async with calling(server, SecureSound(), "200") as (_, sound):
        await sound.press("15#")
        async with asyncio.timeout(5.0):
            while sound.digits() != "15#":  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_a_caller_without_srtp_is_still_served(server: Server) -> None:
    async with wire(server.address) as line:
        call = await line.new_call("100")
        call.sound.voice = TONE
        assert await call.invite() == 200
        assert "RTP/AVP 0" in call.answer
        assert "crypto" not in call.answer
        await asyncio.sleep(1.0)
        assert voices_in(call.sound.heard(), 8000)["baresip"] >= 0.6
        assert await call.bye() == 200


async def test_a_server_that_requires_srtp_refuses_plain_calls(tmp_path: Path) -> None:
    with serving(tmp_path, {"echo": ECHO}, media={"srtp": "required"}) as server:
        async with calling(server, SecureSound()) as (call, sound):
            await asyncio.sleep(0.5)
            plain = await call.line.new_call("100")
            assert await plain.invite() == 488
        assert sound.forged == 0
        assert "SRTP keys" in server.log.read_text()
