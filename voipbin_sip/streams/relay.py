"""Carries sound between a tap and a far side until one of them ends."""

from __future__ import annotations

import asyncio
from typing import Protocol

from media.client import TapEnd, TapEnded
from voipbin_sip.streams.framing import FarEnded, Framing

SEND_SECONDS = 10.0  # until a far side that takes nothing is given up


class Clear:
    """The far side wants nothing played any more of what it has sent."""


CLEAR = Clear()


class Far(Protocol):
    """A connection."""

    async def send(self, octets: bytes) -> None:
        """Send 20 ms. Raises FarEnded."""
        ...

    async def receive(self) -> bytes | Clear:
        """Return what has come. Raises FarEnded."""
        ...


async def relay(tap: TapEnd, framing: Framing, far: Far) -> str:
    """Carry sound both ways, then close the tap; returns who has ended it: "call" or "far side".

    What the far side sends faster than real time waits in the tap; what it takes too slowly loses its oldest part.
    """
    tasks = [asyncio.ensure_future(_out(tap, framing, far)), asyncio.ensure_future(_in(tap, framing, far))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return "call" if tap.is_over else "far side"
    finally:
        tap.close()
        for task in tasks:
            task.cancel()
        faults = await asyncio.gather(*tasks, return_exceptions=True)
        for fault in faults:
            if fault is not None and not isinstance(fault, asyncio.CancelledError):
                raise fault


async def _out(tap: TapEnd, framing: Framing, far: Far) -> None:
    try:
        while True:
            packet = framing.wrap(await tap.read())
            async with asyncio.timeout(SEND_SECONDS):
                await far.send(packet)
    except (TapEnded, FarEnded, TimeoutError):
        return


async def _in(tap: TapEnd, framing: Framing, far: Far) -> None:
    try:
        while True:
            came = await far.receive()
            if isinstance(came, Clear):
                tap.clear()
            else:
                tap.write(framing.unwrap(came))
    except FarEnded:
        return
