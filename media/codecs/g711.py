"""G.711 as look-up tables (ITU-T G.711): a whole tick of legs is coded by one `np.take`.

Decoding: `ULAW_DECODE[octets]`, `ALAW_DECODE[octets]` give int16. Encoding:
`ULAW_ENCODE[pcm.view(np.uint16)]`, `ALAW_ENCODE[pcm.view(np.uint16)]` give uint8; the view turns a negative
sample into the upper half of the table. A-law octets have their even bits inverted (the 0x55 of G.711 table
1a), mu-law octets all bits, as on the wire. Both laws are left-justified in 16 bits and truncate towards the
decision value as G.191 does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5


def _ulaw_decode() -> NDArray[np.int16]:
    """Return int16[256]: G.711 table 2a, 14-bit values times 4."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 1) + 33) << ((code >> 4) & 7)) - 33
    return (np.where(code & 0x80, -magnitude, magnitude) * 4).astype(np.int16)


def _alaw_decode() -> NDArray[np.int16]:
    """Return int16[256]: G.711 table 1a, 13-bit values times 8."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, interval = (code >> 4) & 7, code & 0x0F
    magnitude = np.where(segment == 0, 2 * interval + 1, (2 * interval + 33) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) * 8).astype(np.int16)


def _samples() -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return magnitude (one's complement for negative values, as G.191 has it) and sign of each uint16
    pattern.
    """
    value = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    return np.where(value < 0, ~value, value), value < 0


def _ulaw_encode() -> NDArray[np.uint8]:
    """Return uint8[65536], indexed by the sample's bit pattern."""
    magnitude, negative = _samples()
    biased = np.minimum((magnitude >> 2) + 33, 0x1FFF)
    segment = np.log2(biased).astype(np.int32) - 5
    code = np.where(negative, 0x80, 0) | (segment << 4) | ((biased >> (segment + 1)) & 0x0F)
    return np.asarray(~code & 0xFF, np.uint8)


def _alaw_encode() -> NDArray[np.uint8]:
    """Return uint8[65536], indexed by the sample's bit pattern."""
    magnitude, negative = _samples()
    level = magnitude >> 4
    segment = np.maximum(np.log2(np.maximum(level, 1)).astype(np.int32) - 3, 0)
    interval = (level >> np.maximum(segment - 1, 0)) & 0x0F
    code = np.where(negative, 0, 0x80) | (segment << 4) | interval
    return np.asarray(code ^ 0x55, np.uint8)


ULAW_DECODE: NDArray[np.int16] = _ulaw_decode()
ALAW_DECODE: NDArray[np.int16] = _alaw_decode()
ULAW_ENCODE: NDArray[np.uint8] = _ulaw_encode()
ALAW_ENCODE: NDArray[np.uint8] = _alaw_encode()
for _table in (ULAW_DECODE, ALAW_DECODE, ULAW_ENCODE, ALAW_ENCODE):
    _table.flags.writeable = False
