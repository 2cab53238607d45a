"""Thirty real phones in ten rooms of three: each hears both others and not itself, some are muted, some leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.phones import prompts, sound
from tests.phones.baresip import baresip
from tests.phones.installed import needs_baresip, needs_pjsua
from tests.phones.phone import Phone
from tests.phones.pjsua import pjsua
from tests.phones.server import serving

pytestmark = [pytest.mark.phones, needs_baresip, needs_pjsua]

ROOMS = range(10)
VOICES = (700, 1200, 1900)  # Hz, of the three in each room: baresip, baresip, PJSIP
STAY = 5.0  # s; the third one leaves in the middle
# Number 10 + room joins, 30 + room joins muted: nobody hears who came by that.
FLOW = """
name: {name}{room}
actions:{mute}
  - type: confbridge_join
    option: {{confbridge_id: "room{room}", type: conference}}
"""


def flows() -> tuple[dict[str, str], dict[str, str]]:
    """Return flows by name, and which number runs which."""
    made, numbers = {}, {}
    for room in ROOMS:
        for first, name, mute in (("1", "talk", ""), ("3", "listen", "\n  - type: mute")):
            made[f"{name}{room}"] = FLOW.format(name=name, room=room, mute=mute)
            numbers[f"{first}{room}"] = f"{name}{room}"
    return made, numbers


def muted(room: int, seat: int) -> bool:
    """Every other room has somebody who only listens."""
    return seat == 1 and room % 2 == 1


@asynccontextmanager
async def phones(folder: Path) -> AsyncIterator[dict[tuple[int, int], Phone]]:
    """Start thirty phones; gives them by room and seat."""
    voices = [
        prompts.write(folder / f"voice{tone}.wav", prompts.tone(tone, 60.0, level=0.2)) for tone in VOICES
    ]

    async def start(room: int, seat: int) -> Phone:
        name = f"phone{room}{seat}"
        if seat < 2:
            return await stack.enter_async_context(baresip(folder, voice=voices[seat], name=name))
        return await stack.enter_async_context(pjsua(folder, voice=voices[seat], name=name))

    async with AsyncExitStack() as stack:
        seats = [(room, seat) for room in ROOMS for seat in range(3)]
        yield dict(zip(seats, await asyncio.gather(*(start(*seat) for seat in seats)), strict=True))


def heard(recording: Path) -> list[float]:
    """Return for how many seconds a recording holds each of VOICES, others beside it or not."""
    samples, rate = sound.load(recording)
    size = rate // 5
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    window = np.hanning(size)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(size), VOICES) / rate)
    levels = 2 * np.abs((frames * window) @ turns) / window.sum()
    return [float(seconds) for seconds in np.count_nonzero(levels > 0.05, axis=0) * 0.2]


async def test_thirty_phones_in_ten_rooms_hear_whom_they_should(tmp_path: Path) -> None:
    made, numbers = flows()
    with serving(tmp_path, made, numbers=numbers) as server:
        async with phones(tmp_path) as all_of_them:

            async def visit(room: int, seat: int, phone: Phone) -> None:
                number = f"{'3' if muted(room, seat) else '1'}{room}"
                await phone.call(number, server.address)
                await everybody.wait()
                await asyncio.sleep(STAY / 2 if seat == 2 else STAY)
                await phone.hang_up()
                await phone.over()

            everybody = asyncio.Barrier(len(all_of_them))
            async with asyncio.timeout(60.0):
                await asyncio.gather(*(visit(*seat, phone) for seat, phone in all_of_them.items()))
            recordings = {seat: heard(phone.recording) for seat, phone in all_of_them.items()}
    for (room, own), voices in recordings.items():
        for seat, seconds in enumerate(voices):
            told = (room, own, VOICES[seat], seconds)
            if seat == own or muted(room, seat):
                assert seconds == 0.0, told
            elif 2 in (own, seat):  # who leaves in the middle
                assert 1.5 <= seconds <= STAY, told
            else:
                assert seconds >= STAY - 1.0, told
