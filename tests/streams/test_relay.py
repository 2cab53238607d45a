"""Sound between a tap and a far side, both made up: who ends it, and what is cleared."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from media.client import TapEnd, TapEnded
from voipbin_sip.streams import relay as relays
from voipbin_sip.streams.framing import FarEnded, stream_framing
from voipbin_sip.streams.relay import CLEAR, Clear, relay


class Tap:
    """A tap with two frames to read."""

    def __init__(self, *, goes_on: bool = True) -> None:
        self.frames = [b"\1\0" * 160, b"\2\0" * 160]
        self.goes_on = goes_on
        self.log: list[str] = []
        self.is_over = False

    async def read(self) -> bytes:
        if self.frames:
            return self.frames.pop(0)
        if self.goes_on:
            await asyncio.Event().wait()
        self.is_over = True
        raise TapEnded

    def write(self, samples: bytes) -> None:
        self.log.append(f"write {len(samples)}")

    def clear(self) -> None:
        self.log.append("clear")

    def close(self) -> None:
        self.log.append("close")


class Far:
    """A far side that says what it is given and then goes, or stays."""

    def __init__(self, says: list[bytes | Clear], *, goes: bool = True, stuck: bool = False) -> None:
        self.says = says
        self.goes = goes
        self.stuck = stuck
        self.heard: list[bytes] = []

    async def send(self, octets: bytes) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.heard.append(octets)

    async def receive(self) -> bytes | Clear:
        await asyncio.sleep(0)
        if self.says:
            return self.says.pop(0)
        if not self.goes:
            await asyncio.Event().wait()
        raise FarEnded


async def carried(tap: Tap, far: Far) -> str:
    return await asyncio.wait_for(relay(cast(TapEnd, cast(Any, tap)), stream_framing("sln"), far), 2)


async def test_the_far_side_goes() -> None:
    tap, far = Tap(), Far([b"\1\0" * 160, CLEAR, b"\1\0" * 20])
    assert await carried(tap, far) == "far side"
    assert tap.log == ["write 320", "clear", "write 40", "close"]
    assert far.heard == [b"\1\0" * 160, b"\2\0" * 160]


async def test_the_call_goes() -> None:
    tap = Tap(goes_on=False)
    assert await carried(tap, Far([], goes=False)) == "call"
    assert tap.log == ["close"]


async def test_a_far_side_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "SEND_SECONDS", 0.05)
    tap = Tap()
    assert await carried(tap, Far([], goes=False, stuck=True)) == "far side"
    assert tap.log == ["close"]


async def test_a_fault_is_not_hidden() -> None:
    class Broken(Far):
        async def receive(self) -> bytes | Clear:
            raise ZeroDivisionError

    tap = Tap()
    with pytest.raises(ZeroDivisionError):
        await carried(tap, Broken([]))
    assert tap.log == ["close"]
