"""Phones on loopback for tests with real media workers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter

from media.client import MediaLeg
from media.messages import Digit, FirstPacket, RtpTimeout, Stream
from media.rtp import HEADER, write_header

HOST = "127.0.0.1"


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.digits: asyncio.Queue[Digit] = asyncio.Queue()
        self.first: asyncio.Queue[FirstPacket] = asyncio.Queue()
        self.timeouts: asyncio.Queue[RtpTimeout] = asyncio.Queue()
        self.lost: list[str] = []

    def on_digit(self, digit: Digit) -> None:
        self.digits.put_nowait(digit)

    def on_first_packet(self, packet: FirstPacket) -> None:
        self.first.put_nowait(packet)

    def on_rtp_timeout(self, timeout: RtpTimeout) -> None:
        self.timeouts.put_nowait(timeout)

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)


class Phone:
    """A peer: one UDP socket that talks to a leg."""

    def __init__(self, leg: MediaLeg) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        self.leg = leg
        self.packets = 0
        host, port = self.socket.getsockname()
        self.stream = Stream("PCMU", 0, 0, host, port, port + 1, 20, 101, 101)
        leg.set_stream(self.stream)

    def send(self, payload: bytes, kind: int = 0) -> None:
        self.packets += 1
        packet = write_header(kind, self.packets, self.packets * 160, 7) + payload
        self.socket.sendto(packet, (HOST, self.leg.port))

    async def receive(self) -> bytes:
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(self.socket, 2048), 3)

    async def hear(self, octet: int) -> None:
        """Wait until a packet contains an octet."""
        async with asyncio.timeout(10):
            while octet not in (await self.receive())[HEADER:]:
                pass


async def received(leg: MediaLeg, packets: int) -> int:
    """Return how many packets a leg has received, once it has counted enough: the worker tells twice a second."""
    async with asyncio.timeout(5.0):
        while leg.stats().packets_received < packets:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.1)
    return leg.stats().packets_received


async def converse(phones: list[Phone], ticks: int) -> list[Counter[int]]:
    """Let each phone send its own octet and return how often each hears each octet."""
    heard: list[Counter[int]] = [Counter() for _ in phones]
    for _ in range(ticks):
        for place, phone in enumerate(phones):
            phone.send(bytes([0x10 + place]) * 160)
        await asyncio.sleep(0.02)
        for place, phone in enumerate(phones):
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard[place].update(phone.socket.recv(2048)[HEADER:])
    return heard
