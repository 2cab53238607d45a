"""A hundred calls at once, each with its own digits: the server returns to each caller what it pressed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.phones.server import serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

RETURN = """
name: return
actions:
  - type: answer
  - type: digits_receive
    option: {duration: 30000, length: 2}
  - type: digits_send
    option: {digits: "${voipbin.call.digits}", duration: 100, interval: 100}
  - type: hangup
"""


async def test_a_hundred_calls_at_once_are_never_mixed_up(tmp_path: Path) -> None:
    async def one(number: int) -> tuple[str, str, list[int]]:
        digits = f"{number:02d}"
        call = await line.new_call("100", event_type=96 + number % 32)
        status = await call.invite()
        assert status == 200, status
        await everyone_is_in.wait()
        await call.sound.press(digits)
        async with asyncio.timeout(30.0):
            await call.ended.wait()
        return digits, call.sound.digits(), call.statuses

    everyone_is_in = asyncio.Barrier(100)
    with serving(tmp_path, {"return": RETURN}, media={"workers": 2}) as server:
        async with wire(server.address) as line, asyncio.timeout(90.0):
            results = await asyncio.gather(*(one(number) for number in range(100)))
        assert server.process.poll() is None
    assert [returned for _, returned, _ in results] == [sent for sent, _, _ in results]
