"""Recordings through the client: real workers, legs that move between processes, workers that die."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from numpy.typing import NDArray

from media.client import MediaClient
from media.codecs.g711 import ULAW_DECODE
from tests.media.loopback import HOST, Listener, Phone, converse

PORTS = range(24_300, 24_380)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[MediaClient]:
    client = MediaClient(ports=PORTS, workers=2, bank_samples=100_000)
    await client.start()
    yield client
    await client.close()


def load(path: Path) -> tuple[NDArray[np.int16], int]:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return samples, rate


def seconds_of(sound: NDArray[np.int16], phone: int) -> float:
    """Return for how long the octet of a phone is heard (tests.media.loopback.converse)."""
    return float(np.count_nonzero(sound == ULAW_DECODE[0x10 + phone])) / 8000


async def test_one_file_across_workers(client: MediaClient, tmp_path: Path) -> None:
    """Two legs of two workers; the recorded one joins the other's room, and goes on to be recorded there."""
    phones = [Phone(client.open_leg(HOST, Listener())) for _ in range(2)]
    assert phones[0].leg.link is not phones[1].leg.link
    recording = client.record(phones[1].leg, tmp_path / "a.wav")
    await converse(phones, 40)
    room = client.room()
    for phone in phones:
        phone.leg.join(room)
    await converse(phones, 40)
    assert phones[0].leg.link is phones[1].leg.link
    recording.stop()
    done = await asyncio.wait_for(recording.done(), 5)
    sound, rate = load(tmp_path / "a.wav")
    assert (done.reason, done.lost, len(sound)) == ("stopped", 0, done.length * rate // 1000)
    assert 1500 <= done.length <= 2500
    assert seconds_of(sound[:, 0], 1) >= done.length / 1000 - 0.4
    assert 0.5 <= seconds_of(sound[:, 1], 0) <= 1.2


async def test_the_end_of_the_leg_ends_it(client: MediaClient, tmp_path: Path) -> None:
    phone = Phone(client.open_leg(HOST, Listener()))
    recording = client.record(phone.leg, tmp_path / "a.wav")
    await converse([phone], 10)
    phone.leg.close()
    assert (await asyncio.wait_for(recording.done(), 5)).reason == "hangup"
    assert recording.is_over
    late = client.record(phone.leg, tmp_path / "b.wav")
    assert (await late.done()).reason == "hangup"
    assert not (tmp_path / "b.wav").exists()


async def test_a_killed_worker_leaves_what_it_wrote(client: MediaClient, tmp_path: Path) -> None:
    phone = Phone(client.open_leg(HOST, Listener()))
    recording = client.record(phone.leg, tmp_path / "a.wav")
    await converse([phone], 70)
    os.kill(phone.leg.link.pid, signal.SIGKILL)
    assert (await asyncio.wait_for(recording.done(), 5)).reason == "media lost"
    assert len(load(tmp_path / "a.wav")[0]) >= 8000


async def test_a_killed_worker_with_a_room(client: MediaClient, tmp_path: Path) -> None:
    phone = Phone(client.open_leg(HOST, Listener()))
    room = client.room()
    phone.leg.join(room)
    recording = client.record_room(room, tmp_path / "a.wav")
    await converse([phone], 40)
    os.kill(phone.leg.link.pid, signal.SIGKILL)
    assert (await asyncio.wait_for(recording.done(), 5)).reason == "media lost"
    assert room.legs == ()
    assert len(load(tmp_path / "a.wav")[0]) >= 4000
    again = Phone(client.open_leg(HOST, Listener()))
    await converse([again], 5)


async def test_a_move_to_a_worker_that_dies(client: MediaClient, tmp_path: Path) -> None:
    """The recorded leg is under way to a room whose worker is killed just then."""
    phones = [Phone(client.open_leg(HOST, Listener())) for _ in range(2)]
    recording = client.record(phones[1].leg, tmp_path / "a.wav")
    await converse(phones, 40)
    room = client.room()
    phones[0].leg.join(room)
    os.kill(phones[0].leg.link.pid, signal.SIGKILL)
    phones[1].leg.join(room)
    assert (await asyncio.wait_for(recording.done(), 10)).reason == "media lost"
    assert len(load(tmp_path / "a.wav")[0]) >= 4000


async def test_the_end_of_the_server_ends_it(tmp_path: Path) -> None:
    client = MediaClient(ports=PORTS, bank_samples=100_000)
    await client.start()
    phone = Phone(client.open_leg(HOST, Listener()))
    recording = client.record(phone.leg, tmp_path / "a.wav")
    await converse([phone], 30)
    await client.close()
    done = await asyncio.wait_for(recording.done(), 1)
    assert done.reason == "hangup"
    assert len(load(tmp_path / "a.wav")[0]) == done.length * 8


async def test_a_room(client: MediaClient, tmp_path: Path) -> None:
    """Whoever comes and goes; what only listens is gone afterwards."""
    phones = [Phone(client.open_leg(HOST, Listener())) for _ in range(2)]
    room = client.room()
    with pytest.raises(ValueError, match="empty"):
        client.record_room(room, tmp_path / "a.wav")
    phones[0].leg.join(room)
    recording = client.record_room(room, tmp_path / "a.wav")
    await converse(phones, 25)
    phones[1].leg.join(room)
    await converse(phones, 25)
    assert len(room.legs) == 3
    recording.stop()
    done = await asyncio.wait_for(recording.done(), 5)
    assert done.reason == "stopped"
    assert set(room.legs) == {phone.leg for phone in phones}
    sound, _ = load(tmp_path / "a.wav")
    assert seconds_of(sound, 0) >= 0.3
    assert len(sound) == done.length * 8
