"""L16: linear samples of 16 bits in network byte order (RFC 3551 section 4.5.11), at 8 or 16 kHz.

The engine's buffers hold 80 octets for 10 ms of every leg; L16 needs 160 or 320. Its legs are few, so what goes
through the buffers for them are names of stretches of 10 ms that a `Stretches` keeps, and only at the very border,
when a packet comes or leaves, names become samples.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from media.resample import double, double_state, halve, halve_state
from media.rtp import QUANTUM

KEPT = 256  # stretches, more than a jitter buffer and a packet under construction hold together
RATES = {"L16/8000": 8000, "L16/16000": 16000}  # by the codec's name in `media.messages.Stream`
MOST = (
    16000 * 40
)  # rate times ms: what a packet may hold, 1280 octets, with room for SRTP in an Ethernet frame

_NAME = struct.Struct(f"!Q{QUANTUM - 8}x")


class Stretches:
    """The newest stretches of one leg, both ways. A name of zeros is silence, and so is one that is too old."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.step = rate // 8000  # RTP clock ticks in one of the engine's
        self.size = 2 * rate // 100  # octets in 10 ms
        self._kept = [b""] * KEPT
        self._count = 0
        self._timestamp = 0  # the newest of the peer, extended beyond 32 bits

    def ticks(self, timestamp: int) -> int:
        """Return a peer's timestamp in the engine's clock of 8000 Hz, 32 bits of it."""
        step = (timestamp - self._timestamp) & 0xFFFFFFFF
        self._timestamp += step - (step >> 31 << 32)
        return self._timestamp // self.step & 0xFFFFFFFF

    def store(self, payload: bytes) -> bytes:
        """Keep a payload and return its names, 80 octets for each whole 10 ms."""
        names = []
        for start in range(0, len(payload) - self.size + 1, self.size):
            self._count += 1
            self._kept[self._count % KEPT] = payload[start : start + self.size]
            names.append(_NAME.pack(self._count))
        return b"".join(names)

    def load(self, names: bytes) -> bytes:
        """Return the payload that names stand for."""
        return b"".join(
            self._stretch(number) for (number,) in _NAME.iter_unpack(names[: len(names) // QUANTUM * QUANTUM])
        )

    def _stretch(self, number: int) -> bytes:
        if self._count - KEPT < number <= self._count and number:
            return self._kept[number % KEPT]
        return bytes(self.size)


class Encoder:
    """Sound at 16 kHz to names."""

    __slots__ = ("_past", "_stretches")

    def __init__(self, stretches: Stretches) -> None:
        self._stretches = stretches
        self._past = halve_state(1)

    def encode(self, pcm: NDArray[np.int16]) -> bytes:
        """Code int16[320] into 160 octets of names."""
        if self._stretches.rate == 8000:
            halved, self._past = halve(pcm[None], self._past)
            pcm = halved[0]
        return self._stretches.store(pcm.astype(">i2").tobytes())


class Decoder:
    """Names to sound at 8 or 16 kHz."""

    __slots__ = ("_doubled", "_halved", "_rate", "_stretches")

    def __init__(self, stretches: Stretches, rate: int) -> None:
        self._stretches = stretches
        self._rate = rate
        self._doubled = double_state(1)
        self._halved = halve_state(1)

    def decode(self, octets: bytes) -> NDArray[np.int16]:
        """Decode n octets of names into int16[n] at 8 kHz or int16[2n] at 16 kHz."""
        pcm = np.frombuffer(self._stretches.load(octets), ">i2").astype(np.int16)
        if self._rate > self._stretches.rate:
            made, self._doubled = double(pcm[None], self._doubled)
            pcm = made[0]
        elif self._rate < self._stretches.rate:
            made, self._halved = halve(pcm[None], self._halved)
            pcm = made[0]
        return pcm
