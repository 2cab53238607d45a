"""Taps through the media client: a real worker, real packets on loopback, legs that move."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from media.client import MediaClient, TapEnd, TapEnded
from media.messages import TapRtp
from media.rtp import HEADER, write_header
from tests.media.loopback import HOST, Listener, Phone

PORTS = range(24_100, 24_160)
LOUD = np.full(160, 1000, "<i2").tobytes()
OCTET = 0xCE  # 1000 in mu-law


@pytest_asyncio.fixture
async def client() -> AsyncIterator[MediaClient]:
    client = MediaClient(ports=PORTS, bank_samples=10_000)
    await client.start()
    yield client
    await client.close()


@pytest_asyncio.fixture
async def two_workers() -> AsyncIterator[MediaClient]:
    client = MediaClient(ports=PORTS, workers=2, bank_samples=10_000)
    await client.start()
    yield client
    await client.close()


async def read_until(tap: TapEnd, value: int) -> None:
    """Read until a frame has this value in it."""
    async with asyncio.timeout(3):
        while value not in np.frombuffer(await tap.read(), "<i2"):
            pass


async def until(fulfilled: Callable[[], bool]) -> None:
    while not fulfilled():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


async def test_sound_goes_both_ways(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    phone = Phone(leg)
    tap = leg.tap()
    for _ in range(10):
        phone.send(bytes([OCTET]) * 160)
        tap.write(LOUD)
        await asyncio.sleep(0.02)
    await phone.hear(OCTET)
    await read_until(tap, 988)
    tap.close()
    closed = await asyncio.wait_for(tap.closed, 2)
    assert closed is not None
    assert closed.sent >= 5
    assert closed.received == 10


async def test_frames_come_in_real_time(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    Phone(leg)
    tap = leg.tap()
    await tap.read()
    started = asyncio.get_running_loop().time()
    for _ in range(25):
        await tap.read()
    assert 0.4 < asyncio.get_running_loop().time() - started < 1.5


async def test_what_was_written_far_ahead_can_be_taken_back(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    phone = Phone(leg)
    tap = leg.tap()
    tap.write(LOUD * 500)
    await phone.hear(OCTET)
    assert 8.5 < tap.ahead < 10
    tap.clear()
    assert tap.ahead == 0
    await asyncio.sleep(0.1)
    while True:  # what arrived before
        try:
            phone.socket.recv(2048)
        except BlockingIOError:
            break
    packets = [await phone.receive() for _ in range(10)]
    assert not any(OCTET in packet[HEADER:] for packet in packets)
    tap.write(LOUD * 10)
    await phone.hear(OCTET)


async def test_what_is_too_far_ahead_loses_its_oldest_part(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    Phone(leg)
    tap = leg.tap(ahead=2)
    tap.write(LOUD * 500)
    assert tap.ahead <= 2
    assert tap.unplayed >= 300 * 320


async def test_the_end_of_the_leg_ends_the_tap(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    tap = leg.tap()
    leg.close()
    with pytest.raises(TapEnded):
        async with asyncio.timeout(2):
            while True:
                await tap.read()
    assert await tap.closed is None
    tap.write(LOUD)  # nobody hears it, nothing breaks
    tap.clear()
    tap.close()


async def test_a_killed_worker_ends_the_tap(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    tap = leg.tap()
    await tap.read()
    for pid in client.worker_pids:
        os.kill(pid, signal.SIGKILL)
    assert await asyncio.wait_for(tap.closed, 3) is None


async def test_a_tap_moves_with_its_leg(two_workers: MediaClient) -> None:
    """Two legs of different workers are bridged; the tap of the one that moves goes on in both directions."""
    legs = [two_workers.open_leg(HOST, Listener()) for _ in range(2)]
    assert legs[0].link is not legs[1].link
    phones = [Phone(leg) for leg in legs]
    tap = legs[1].tap(listen="in", speak="out")
    room = two_workers.room()
    tap.write(LOUD * 100)
    await phones[1].hear(OCTET)
    legs[0].join(room)
    legs[1].join(room)
    beside = legs[1].tap(listen="in", speak="")  # opened on the way
    async with asyncio.timeout(3):
        await until(lambda: legs[1].link is legs[0].link)
    await asyncio.sleep(0.1)
    while True:
        try:
            phones[1].socket.recv(2048)
        except BlockingIOError:
            break
    await phones[1].hear(OCTET)
    for _ in range(10):
        phones[1].send(bytes([OCTET]) * 160)
        await asyncio.sleep(0.02)
    await read_until(tap, 988)
    await read_until(beside, 988)
    tap.close()
    assert await asyncio.wait_for(tap.closed, 2) is not None


async def test_a_tap_stays_with_a_leg_that_changes_its_engine(client: MediaClient) -> None:
    """A worker has two engines; who enters a room goes to the one of the room. Nothing that waits is lost."""
    first = client.open_leg(HOST, Listener())
    legs = [client.open_leg(HOST, Listener(), beside=first) for _ in range(2)]
    phones = [Phone(leg) for leg in legs]
    taps = [leg.tap(listen="in", speak="out") for leg in legs]
    for tap in taps:
        tap.write(LOUD * 40)
    room = client.room()
    for leg in legs:
        leg.join(room)
    for phone in phones:
        loud = 0
        async with asyncio.timeout(3):
            while loud < 38 * 160:
                loud += (await phone.receive())[HEADER:].count(OCTET)
    for _ in range(10):
        for phone in phones:
            phone.send(bytes([OCTET]) * 160)
        await asyncio.sleep(0.02)
    for tap in taps:
        await read_until(tap, 988)
        tap.close()
        assert await asyncio.wait_for(tap.closed, 2) is not None


async def test_a_room_is_heard_and_spoken_to(client: MediaClient) -> None:
    room = client.room()
    with pytest.raises(ValueError, match="empty"):
        client.tap_room(room)
    legs = [client.open_leg(HOST, Listener()) for _ in range(2)]
    phones = [Phone(leg) for leg in legs]
    for leg in legs:
        leg.join(room)
    tap = client.tap_room(room)
    for _ in range(20):
        phones[0].send(bytes([OCTET]) * 160)
        tap.write(np.full(160, 5000, "<i2").tobytes())
        await asyncio.sleep(0.02)
    await read_until(tap, 988)
    await asyncio.wait_for(phones[0].hear(0xAB), 3)  # 5000 in mu-law
    tap.close()
    await asyncio.wait_for(tap.closed, 2)
    async with asyncio.timeout(2):
        await until(lambda: len(room.legs) == 2)


async def test_rtp_goes_straight_to_another_host(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    phone = Phone(leg)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((HOST, 0))
    other.setblocking(False)
    near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    near.bind((HOST, 0))
    near.connect(other.getsockname())
    address = near.getsockname()
    tap = leg.tap(listen="in", speak="out", rtp=TapRtp("PCMU", 0, 99), sock=near)
    loop = asyncio.get_running_loop()
    for number in range(10):
        phone.send(bytes([OCTET]) * 160)
        other.sendto(write_header(0, number, 160 * number, 5) + bytes([0x42]) * 160, address)
        await asyncio.sleep(0.02)
    await phone.hear(0x42)
    async with asyncio.timeout(2):
        while OCTET not in (await loop.sock_recv(other, 2048))[HEADER:]:
            pass
    tap.close()
    closed = await asyncio.wait_for(tap.closed, 2)
    assert closed is not None
    assert closed.received == 10
    other.close()


async def test_what_the_engine_does_not_know_is_refused(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    wrong: list[dict[str, Any]] = [
        {"listen": "up"},
        {"speak": "down"},
        {"rate": 44100},
        {"rtp": TapRtp("opus", 111, 1)},
        {"rtp": TapRtp("PCMU", 0, 1), "rate": 16000},
    ]
    for terms in wrong:
        with pytest.raises(ValueError, match=r"no |only|has"):
            leg.tap(**terms)
