"""G.722 at 64 kbit/s (ITU-T G.722 mode 1), one encoder and one decoder per leg: sub-band ADPCM has memory.

The work is done in C by the G722 package, which is bit-exact with the ITU-T vectors in this mode. RTP calls
the clock of G.722 8000 Hz although its sound is 16 kHz (RFC 3551 section 4.5.2): an octet is one tick of that
clock.

`rate=8000` codes the lower sub-band alone, without the quadrature mirror filters: a peer hears, or is heard,
up to 4 kHz at half the cost and without resampling. Use it where the other side of a call is narrow-band
anyway.
"""

from __future__ import annotations

import numpy as np
from G722 import G722
from numpy.typing import NDArray

BIT_RATE = 64_000


def _codec(rate: int) -> G722:
    """Return the C state object for sound of 8000 or 16000 Hz."""
    if rate not in (8000, 16000):
        raise ValueError(f"G.722 codes sound of 8000 or 16000 Hz, not {rate}")
    return G722(rate, BIT_RATE)


class Encoder:
    """Sound to octets, for one leg in one direction."""

    __slots__ = ("_codec", "_step")

    def __init__(self, rate: int = 16000) -> None:
        self._codec = _codec(rate)
        self._step = rate // 8000

    def encode(self, pcm: NDArray[np.int16]) -> bytes:
        """Code int16[n] samples into n/2 octets (n octets at 8 kHz)."""
        if len(pcm) % self._step:
            raise ValueError(f"G.722 codes pairs of samples, {len(pcm)} is odd")
        octets: bytes = self._codec.encode(pcm)
        return octets


class Decoder:
    """Octets to sound, for one leg in one direction."""

    __slots__ = ("_codec",)

    def __init__(self, rate: int = 16000) -> None:
        self._codec = _codec(rate)

    def decode(self, octets: bytes) -> NDArray[np.int16]:
        """Decode n octets into int16[2n] samples (int16[n] at 8 kHz)."""
        return np.frombuffer(self._codec.decode(octets), np.int16)
