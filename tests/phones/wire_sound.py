"""The sound of a call made by hand (`wire.py`): PCMU silence and RFC 4733 digits out, every packet kept that comes."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.phones.nat import Host

EVENTS = "0123456789*#ABCD"  # RFC 4733 section 3.2
_SILENCE = b"\xff" * 160  # PCMU
_SSRC = 0x5EED


@dataclass(frozen=True, slots=True)
class Packet:
    """One received RTP packet."""

    at: float  # monotonic s
    payload_type: int
    sequence: int
    timestamp: int
    payload: bytes


class Sound(asyncio.DatagramProtocol):
    """One RTP socket; made by `open_sound`. It speaks once `remote` is known and `talking` set."""

    proto = "RTP/AVP"
    lines = ""  # more of its description

    def __init__(self, event_type: int) -> None:
        self.event_type = event_type  # payload type that we list for telephone-event
        self.remote: tuple[str, int] = ("", 0)
        self.talking = False
        self.voice = _SILENCE  # what it says over and over, 160 octets in 20 ms
        self.kind = 0  # payload type of that
        self.packets: list[Packet] = []
        self.transport: asyncio.DatagramTransport | None = None
        self._pressing = False
        self._sequence = 1000
        self._timestamp = 160_000

    @property
    def port(self) -> int:
        """Our RTP port."""
        assert self.transport is not None
        return int(self.transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Close the socket."""
        assert self.transport is not None
        self.transport.close()

    def sealed(self, packet: bytes) -> bytes:
        """Return what goes on the wire for an RTP packet."""
        return packet

    def opened(self, data: bytes) -> bytes:
        """Return the RTP packet in what came."""
        return data

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        data = self.opened(data)
        if len(data) >= 12 and data[0] == 0x80:
            _, kind, sequence, timestamp, _ = struct.unpack("!BBHII", data[:12])
            self.packets.append(Packet(time.monotonic(), kind & 0x7F, sequence, timestamp, data[12:]))

    def speak_to(self, description: str) -> None:
        """Talk from now on, to where a session description says."""
        connection = re.search(r"^c=IN IP4 (\S+)", description, re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", description, re.MULTILINE)
        assert connection and port, description
        self.remote = (connection[1], int(port[1]))
        self.talking = True

    def speak(self) -> None:
        """Send 20 ms of silence unless a digit goes out; the line's clock calls this every 20 ms."""
        if self.talking:
            if not self._pressing:
                position = self._timestamp % len(self.voice)
                self._send(self.kind, self._timestamp, self.voice[position : position + 160])
            self._timestamp += 160

    def lose(self, packets: int) -> None:
        """Let the next packets be lost on the way."""
        self._sequence += packets

    async def press(self, digits: str) -> None:
        """Send digits as RFC 4733 events of 100 ms, 100 ms apart, the end of each three times."""
        for digit in digits:
            stamp, marker = self._timestamp, 0x80
            self._pressing = True
            for duration, end in [*((160 * step, 0) for step in range(1, 5)), *[(800, 0x80)] * 3]:
                event = struct.pack("!BBH", EVENTS.index(digit), end | 10, duration)
                self._send(self.event_type | marker, stamp, event)
                marker = 0
                await asyncio.sleep(0.02)
            self._pressing = False
            await asyncio.sleep(0.1)

    def digits(self) -> str:
        """Return the digits that came as RFC 4733 events, one for each timestamp."""
        events = {p.timestamp: p.payload[0] for p in self.packets if p.payload_type == self.event_type}
        return "".join(EVENTS[event] for _, event in sorted(events.items()))

    def heard(self, since: float = 0.0) -> npt.NDArray[np.float64]:
        """Return what came as PCMU since a monotonic time, in order of sequence, float64 [samples] at 8 kHz."""
        chosen = [p for p in self.packets if p.payload_type == 0 and p.at >= since]
        return decode_ulaw(b"".join(p.payload for p in sorted(chosen, key=lambda p: p.sequence)))

    def _send(self, kind: int, timestamp: int, payload: bytes) -> None:
        assert self.transport is not None
        header = struct.pack("!BBHII", 0x80, kind, self._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, _SSRC)
        self._sequence += 1
        self.transport.sendto(self.sealed(header + payload), self.remote)


def udp_socket(at: Host | None = None) -> socket.socket:
    """Open a socket on the loopback address, or on a machine of a network of the tests' own."""
    if at is not None:
        return at.udp()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


async def open_sound(event_type: int, at: Host | None = None) -> Sound:
    """Open an RTP socket."""
    sound = Sound(event_type)
    await open_socket(sound, at)
    return sound


async def open_socket(sound: Sound, at: Host | None = None) -> None:
    """Open the RTP socket of a sound."""
    loop = asyncio.get_running_loop()
    sound.transport, _ = await loop.create_datagram_endpoint(lambda: sound, sock=udp_socket(at))


async def tick(sounds: Callable[[], Iterable[Sound]]) -> None:
    """Let every sound that talks send its packet each 20 ms, until cancelled."""
    due = time.monotonic()
    while True:
        for sound in sounds():
            sound.speak()
        due += 0.02
        await asyncio.sleep(max(0.0, due - time.monotonic()))


@asynccontextmanager
async def sounding(*event_types: int) -> AsyncIterator[list[Sound]]:
    """Open sounds that nothing else keeps going, one for each payload type of telephone-event; then close them."""
    sounds = [await open_sound(event_type) for event_type in event_types]
    clock = asyncio.create_task(tick(lambda: sounds))
    try:
        yield sounds
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        for sound in sounds:
            sound.close()


def encode_ulaw(samples: npt.NDArray[np.float64]) -> bytes:
    """Encode float64 [samples] from -1 to 1 as PCMU: the code whose value is nearest."""
    values = decode_ulaw(bytes(range(256)))
    order = np.argsort(values, kind="stable")
    middles = (values[order][1:] + values[order][:-1]) / 2
    return order[np.searchsorted(middles, samples)].astype(np.uint8).tobytes()


def decode_ulaw(payload: bytes) -> npt.NDArray[np.float64]:
    """Decode PCMU (ITU-T G.711) to float64 [samples] from -1 to 1."""
    code = ~np.frombuffer(payload, dtype=np.uint8)
    magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude) / 32768.0
