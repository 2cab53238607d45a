"""Rooms through the client: real workers, real packets, legs that move between processes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from media.client import MediaClient, WorkerLost
from media.rtp import read_header
from tests.media.loopback import HOST, Listener, Phone, converse, received

PORTS = range(24_100, 24_180)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[MediaClient]:
    """A client with one worker, whose two engines are ten milliseconds apart."""
    client = MediaClient(ports=PORTS, bank_samples=100_000)
    await client.start()
    yield client
    await client.close()


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[MediaClient]:
    """A client with two workers."""
    client = MediaClient(ports=PORTS, workers=2, bank_samples=100_000)
    await client.start()
    yield client
    await client.close()


def hears(octets: Counter[int], speaker: int) -> bool:
    """Tell whether the octet of a phone is more than an accident of a ramp or of concealment."""
    return octets[0x10 + speaker] > 160 * 5


async def test_two_legs_in_a_room(client: MediaClient) -> None:
    phones = [Phone(client.open_leg(HOST, Listener())) for _ in range(4)]
    await converse(phones, 3)
    for pair in (phones[:2], phones[2:]):
        room = client.room()
        for phone in pair:
            phone.leg.join(room)
        assert room.legs == tuple(phone.leg for phone in pair)
    heard = await converse(phones, 20)
    for place, octets in enumerate(heard):
        assert [speaker for speaker in range(4) if hears(octets, speaker)] == [place ^ 1]
    phones[0].leg.close()
    assert (await asyncio.wait_for(phones[0].leg.final, 2)).packets_received == 23


async def test_mute_and_leave_across_workers(pair: MediaClient) -> None:
    phones = [Phone(pair.open_leg(HOST, Listener())) for _ in range(2)]
    room = pair.room()
    for phone in phones:
        phone.leg.join(room)
    await converse(phones, 5)
    phones[0].leg.mute("in")
    await converse(phones, 5)
    heard = await converse(phones, 10)
    assert hears(heard[0], 1)
    assert not hears(heard[1], 0)
    phones[0].leg.mute("")
    phones[1].leg.leave()
    assert room.legs == (phones[0].leg,)
    assert phones[1].leg.room is None
    await converse(phones, 5)
    heard = await converse(phones, 10)
    assert not hears(heard[0], 1)
    assert not hears(heard[1], 0)


async def test_a_leg_that_moves_keeps_its_stream_its_playout_and_its_counters(pair: MediaClient) -> None:
    phones = [Phone(pair.open_leg(HOST, Listener())) for _ in range(2)]
    assert phones[0].leg.home is not phones[1].leg.home
    await converse(phones, 10)
    with pair.add_clip(np.full(8000, 1000, np.int16), 8000) as clip:
        playout = phones[1].leg.play([clip])
        room = pair.room()
        phones[0].leg.join(room)
        phones[1].leg.join(room)
        phones[1].leg.play([clip])
    packets = []
    for _ in range(60):
        for phone in phones:
            phone.send(b"\x22" * 160)
        await asyncio.sleep(0.02)
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(phones[1].socket.recv(2048))
    done = await asyncio.wait_for(playout.done, 2)
    assert (done.reason, done.position) == ("end", 1000)
    headers = [read_header(packet) for packet in packets]
    assert len({header.ssrc for header in headers if header is not None}) == 1
    numbers = [header.sequence for header in headers if header is not None]
    assert all(0 < (after - before) & 0xFFFF < 3 for before, after in itertools.pairwise(numbers))
    assert phones[1].leg.link is phones[0].leg.link
    assert await received(phones[1].leg, 70) == 70
    assert phones[1].leg.listener.lost == []  # type: ignore[attr-defined]


async def test_orders_during_a_move_wait(pair: MediaClient) -> None:
    phones = [Phone(pair.open_leg(HOST, Listener())) for _ in range(2)]
    room, other = pair.room(), pair.room()
    phones[0].leg.join(room)
    phones[1].leg.join(room)
    phones[1].leg.join(other)
    phones[1].leg.join(room)
    phones[1].leg.mute("out")
    await converse(phones, 10)
    heard = await converse(phones, 10)
    assert hears(heard[0], 1)
    assert not hears(heard[1], 0)
    phones[1].leg.leave()
    phones[1].leg.join(room)
    phones[1].leg.close()
    await asyncio.wait_for(phones[1].leg.final, 2)
    assert room.legs == (phones[0].leg,)


async def test_a_leg_closed_while_it_moves_is_closed(pair: MediaClient) -> None:
    legs = [pair.open_leg(HOST, Listener()) for _ in range(2)]
    room = pair.room()
    for leg in legs:
        leg.join(room)
    legs[1].close()
    await asyncio.wait_for(legs[1].final, 2)
    assert room.legs == (legs[0],)


async def test_beside_another_leg(pair: MediaClient) -> None:
    legs = [pair.open_leg(HOST, Listener())]
    legs += [pair.open_leg(HOST, Listener(), beside=legs[0]) for _ in range(4)]
    assert {leg.home for leg in legs} == {legs[0].link}


async def test_a_room_whose_worker_dies_is_empty_and_may_be_entered_again(pair: MediaClient) -> None:
    listeners = [Listener() for _ in range(3)]
    legs = [pair.open_leg(HOST, listener) for listener in listeners]
    room = pair.room()
    for leg in legs[:2]:
        leg.join(room)
    await asyncio.sleep(0.1)
    os.kill(legs[0].link.pid, signal.SIGKILL)
    await asyncio.wait_for(asyncio.gather(legs[0].final, legs[1].final), 5)
    assert room.legs == ()
    assert [len(listener.lost) for listener in listeners[:2]] == [1, 1]
    with contextlib.suppress(WorkerLost):
        leg = pair.open_leg(HOST, Listener())
        leg.join(room)
        assert leg in room.legs


async def test_what_cannot_be_is_refused(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    with pytest.raises(ValueError, match="direction"):
        leg.mute("up")
    with pytest.raises(ValueError, match="gain"):
        leg.gain(9)
    leg.leave()
    leg.close()
    room = client.room()
    leg.join(room)
    assert room.legs == ()
