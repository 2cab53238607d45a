"""The media client with a real worker process and real packets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from media import link
from media.client import BankFull, MediaClient, MediaLeg, NoPort, WorkerLost
from media.messages import PlayDone, Stream
from media.rtp import HEADER, read_header, write_header
from tests.media.loopback import HOST, Listener, Phone, received

PORTS = range(24_000, 24_040)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[MediaClient]:
    client = MediaClient(ports=PORTS, bank_samples=100_000)
    await client.start()
    yield client
    await client.close()


async def test_a_prompt_is_heard_and_its_end_is_told(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    phone = Phone(leg)
    with client.add_clip(np.full(1600, 1000, np.int16), 8000) as clip:
        playout = leg.play([clip])
    await phone.hear(0xCE)  # 1000 in mu-law
    done = await asyncio.wait_for(playout.done, 3)
    assert (done.reason, done.position) == ("end", 200)
    headers = [read_header(await phone.receive()) for _ in range(3)]
    assert all(header is not None and header.payload_type == 0 for header in headers)


async def test_echo_digit_and_counters(client: MediaClient) -> None:
    listener = Listener()
    leg = client.open_leg(HOST, listener)
    phone = Phone(leg)
    leg.echo("sound")
    for _ in range(10):
        phone.send(b"\x42" * 160)
        await asyncio.sleep(0.02)
    await phone.hear(0x42)
    assert (await asyncio.wait_for(listener.first.get(), 3)).port == phone.stream.port
    phone.send(b"\x05\x0a\x00\xa0", 101)
    digit = await asyncio.wait_for(listener.digits.get(), 2)
    assert (digit.digit, digit.source) == ("5", "rfc4733")
    assert await received(leg, 11) == 11
    leg.close()
    closed = await asyncio.wait_for(leg.final, 2)
    assert closed.packets_received == 11
    assert closed.packets_sent >= 10


async def test_the_socket_is_deaf_to_others_once_locked(client: MediaClient) -> None:
    listener = Listener()
    leg = client.open_leg(HOST, listener)
    phone = Phone(leg)
    leg.echo("sound")
    phone.send(b"\x42" * 160)
    await asyncio.wait_for(listener.first.get(), 3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(20):
            stranger.sendto(write_header(0, number, number * 160, 66) + b"\x13" * 160, (HOST, leg.port))
            phone.send(b"\x42" * 160)
            assert 0x13 not in (await phone.receive())[HEADER:]
            await asyncio.sleep(0.02)


async def test_a_new_port_is_used_at_once_and_heard(client: MediaClient) -> None:
    listener = Listener()
    leg = client.open_leg(HOST, listener)
    phone = Phone(leg)
    phone.send(b"\x42" * 160)
    assert (await asyncio.wait_for(listener.first.get(), 3)).port == phone.stream.port
    moved = Phone(leg)
    started = time.monotonic()
    await moved.receive()
    assert time.monotonic() - started < 0.2
    leg.echo("sound")
    for _ in range(8):
        moved.send(b"\x43" * 160)
        await asyncio.sleep(0.02)
    await moved.hear(0x43)
    assert (await asyncio.wait_for(listener.first.get(), 3)).port == moved.stream.port


async def test_digits_and_stop(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    phone = Phone(leg)
    clip = client.add_clip(np.full(8000, 1000, np.int16), 8000)
    playout = leg.play([clip], loop=True)
    await phone.hear(0xCE)
    playout.stop()
    assert (await asyncio.wait_for(playout.done, 2)).reason == "stopped"
    sent = leg.send_digits("1", 60, 60)
    kinds = set()
    while not sent.done():
        kinds.add((await phone.receive())[1] & 0x7F)
    assert 101 in kinds
    with pytest.raises(ValueError, match="no DTMF digit"):
        leg.send_digits("12x")


async def test_closing_settles_all_futures_and_later_orders_do_nothing(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    Phone(leg)
    clip = client.add_clip(np.zeros(80_000, np.int16), 8000)
    playouts = [leg.play([clip]) for _ in range(3)]
    sent = leg.send_digits("123", 5000, 100)
    leg.close()
    leg.close()
    await asyncio.wait_for(leg.final, 2)
    assert {(await playout.done).reason for playout in playouts} == {"closed"}
    assert sent.cancelled()
    assert (await leg.play([clip]).done).reason == "closed"
    assert leg.send_digits("1").cancelled()
    leg.echo("sound")


async def test_ports_run_out_and_come_back_only_after_a_rest(client: MediaClient) -> None:
    legs = [client.open_leg(HOST, Listener()) for _ in range(len(PORTS) // 2)]
    with pytest.raises(NoPort):
        client.open_leg(HOST, Listener())
    assert len({leg.port for leg in legs}) == len(legs)
    for leg in legs:
        leg.close()
    await asyncio.gather(*(leg.final for leg in legs))
    with pytest.raises(NoPort):
        client.open_leg(HOST, Listener())


async def test_the_bank_runs_out_and_bad_streams_are_refused(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    clip = client.add_clip(np.ones(90_000, np.int16), 8000)
    with pytest.raises(BankFull):
        client.add_clip(np.zeros(20_000, np.int16), 8000)
    clip.release()
    for bad in (
        Stream("GSM", 3, 3, HOST, 4000, 4001),
        Stream("PCMU", 0, 0, HOST, 4000, 4001, ptime=25),
        Stream("PCMU", 0, 0, "phone.example", 4000, 4001),
    ):
        with pytest.raises(ValueError, match=r"codec|ptime|IP address"):
            leg.set_stream(bad)


async def test_a_killed_worker_loses_its_legs_once_and_is_replaced(client: MediaClient) -> None:
    listener = Listener()
    leg = client.open_leg(HOST, listener)
    Phone(leg)
    clip = client.add_clip(np.zeros(8000, np.int16), 8000)
    playout, sent = leg.play([clip], loop=True), leg.send_digits("1" * 50)
    await asyncio.sleep(0.1)
    pid = client.worker_pids[0]
    os.kill(pid, signal.SIGKILL)
    assert (await asyncio.wait_for(playout.done, 2)).reason == "closed"
    await asyncio.wait_for(leg.final, 2)
    assert sent.cancelled()
    assert listener.lost == ["the media worker ended"]
    leg.close()
    leg.play([clip])
    other = await reopen(client)
    phone = Phone(other)
    playout = other.play([clip])
    await phone.receive()
    assert (await asyncio.wait_for(playout.done, 3)).reason == "end"
    assert client.worker_pids[0] != pid
    assert listener.lost == ["the media worker ended"]


async def test_a_worker_that_hangs_is_killed_and_replaced_like_a_dead_one(
    client: MediaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HANG_SECONDS", 1.2)  # it says something once a second
    listener = Listener()
    leg = client.open_leg(HOST, listener)
    Phone(leg)
    await asyncio.sleep(1.5)
    assert listener.lost == []
    pid = client.worker_pids[0]
    os.kill(pid, signal.SIGSTOP)
    await asyncio.wait_for(leg.final, 3)
    assert listener.lost == ["the media worker hung and was killed"]
    await Phone(await reopen(client)).receive()
    assert client.worker_pids[0] != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_server_that_was_held_up_itself_blames_no_worker(
    client: MediaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "HANG_SECONDS", 1.2)
    listener = Listener()
    client.open_leg(HOST, listener)
    pid = client.worker_pids[0]
    os.kill(pid, signal.SIGSTOP)  # both stand still, as on a machine that is moved
    time.sleep(1.5)  # noqa: ASYNC251 - the event loop, too
    os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(0.8)
    assert (listener.lost, client.worker_pids[0]) == ([], pid)


async def reopen(client: MediaClient) -> MediaLeg:
    """Open a leg as soon as a worker runs again."""
    for _ in range(300):
        with contextlib.suppress(WorkerLost):
            return client.open_leg(HOST, Listener())
        await asyncio.sleep(0.01)
    raise AssertionError("no new worker")


async def test_a_storm_of_orders_is_neither_lost_nor_reordered(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    Phone(leg)
    clip = client.add_clip(np.zeros(8, np.int16), 8000)
    playouts = [leg.play([clip] * 40) for _ in range(3000)]
    ended: list[PlayDone] = []
    for playout in playouts:
        playout.done.add_done_callback(lambda done: ended.append(done.result()))
    leg.stop_playing()
    await asyncio.wait_for(asyncio.gather(*(playout.done for playout in playouts)), 10)
    numbers = [event.playout for event in ended]
    assert len(numbers) == 3000
    assert numbers == sorted(numbers)


async def test_legs_are_spread_over_workers() -> None:
    async with contextlib.AsyncExitStack() as stack:
        client = MediaClient(ports=range(24_100, 24_140), workers=2, bank_samples=1000)
        await client.start()
        stack.push_async_callback(client.close)
        legs = [client.open_leg(HOST, Listener()) for _ in range(6)]
        for _ in range(200):
            if sum(load.legs for load in client.load) == 6:
                break
            await asyncio.sleep(0.02)
        assert [load.legs for load in client.load] == [3, 3]
        for leg in legs:
            leg.close()


def test_a_worker_ends_when_the_control_process_does() -> None:
    script = (
        "import asyncio, sys\n"
        "from media.client import MediaClient\n"
        "async def main():\n"
        "    client = MediaClient(ports=range(24200, 24210), bank_samples=1000)\n"
        "    await client.start()\n"
        "    print(client.worker_pids[0], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=root, text=True)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        state = Path(f"/proc/{worker}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.02)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("the worker outlived its control process")


async def test_too_many_clips_at_once_are_refused_and_hurt_nobody(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    clip = client.add_clip(np.full(160, 1000, np.int16), 8000)
    with pytest.raises(ValueError, match="too many clips"):
        leg.play([clip] * 20_000)
    phone = Phone(leg)
    leg.play([clip])
    await phone.hear(0xCE)


async def test_counters_stay_after_the_end(client: MediaClient) -> None:
    leg = client.open_leg(HOST, Listener())
    phone = Phone(leg)
    phone.send(b"\x42" * 160)
    await asyncio.sleep(0.1)
    leg.close()
    await asyncio.wait_for(leg.final, 2)
    other = client.open_leg(HOST, Listener())
    assert other.stats().packets_received == 0
    assert leg.stats().packets_received == 1


async def test_cancelling_who_waits_for_a_playout_stops_the_sound_and_keeps_the_clip_until_then() -> None:
    async with contextlib.AsyncExitStack() as stack:
        client = MediaClient(ports=range(24_060, 24_080), bank_samples=8000)
        await client.start()
        stack.push_async_callback(client.close)
        leg = client.open_leg(HOST, Listener())
        phone = Phone(leg)
        with client.add_clip(np.full(8000, 1000, np.int16), 8000) as clip:
            playout = leg.play([clip], loop=True)
        await phone.hear(0xCE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(playout.done, 0.05)
        with pytest.raises(BankFull):
            client.add_clip(np.zeros(4000, np.int16), 8000)
        await phone.hear(0xFF)
        await asyncio.sleep(0.05)
        client.add_clip(np.zeros(4000, np.int16), 8000)
