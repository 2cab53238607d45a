"""The RTP payload of RFC 4733 section 2.3: event, end bit, volume, duration; one by one and in arrays.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
|     event     |E|R| volume    |          duration             |
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.dtmf import DIGITS

PAYLOAD_SIZE = 4
END = 0x80
VOLUME_MASK = 0x3F
MAX_DURATION = 0xFFFF  # longer events are cut into segments, RFC 4733 section 2.5.1.3
DEFAULT_VOLUME = 10  # -dBm0, the level that most phones send

_LAYOUT = struct.Struct("!BBH")
_CODES = {digit: code for code, digit in enumerate(DIGITS)}


class TelephoneEvent(NamedTuple):
    """One payload. `duration` counts ticks of the payload type's clock since the packet's timestamp."""

    event: int
    end: bool
    volume: int  # level below 0 dBm0, 0 to 63
    duration: int

    @property
    def digit(self) -> str:
        """The digit, or "" for an event that is none (flash, tones of RFC 4734)."""
        return DIGITS[self.event] if self.event < len(DIGITS) else ""


def event_code(digit: str) -> int:
    """Return the event code (0-15) of a digit; raise ValueError for anything else."""
    try:
        return _CODES[digit.upper()]
    except KeyError:
        raise ValueError(f"{digit!r} is no DTMF digit") from None


def pack(event: int, *, end: bool, duration: int, volume: int = DEFAULT_VOLUME) -> bytes:
    """Return the four octets; a duration past 65535 is capped."""
    return _LAYOUT.pack(event, (END if end else 0) | (volume & VOLUME_MASK), min(duration, MAX_DURATION))


def unpack(payload: bytes | bytearray | memoryview) -> TelephoneEvent:
    """Read the first event of a payload; raise ValueError when it is shorter than four octets."""
    if len(payload) < PAYLOAD_SIZE:
        raise ValueError(f"a telephone-event payload has 4 octets, this one {len(payload)}")
    event, flags, duration = _LAYOUT.unpack_from(payload)
    return TelephoneEvent(event, bool(flags & END), flags & VOLUME_MASK, duration)


def pack_rows(
    events: NDArray[np.uint8],
    ends: NDArray[np.bool_],
    durations: NDArray[np.int64],
    volume: int = DEFAULT_VOLUME,
) -> NDArray[np.uint8]:
    """Return uint8[k, 4] payloads of k events; durations are capped at 65535."""
    capped = np.minimum(durations, MAX_DURATION).astype(np.uint16)
    out = np.empty((len(events), PAYLOAD_SIZE), np.uint8)
    out[:, 0] = events
    out[:, 1] = (volume & VOLUME_MASK) | (ends.astype(np.uint8) << 7)
    out[:, 2] = capped >> 8
    out[:, 3] = capped & 0xFF
    return out


def unpack_rows(
    payloads: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.uint8], NDArray[np.int64]]:
    """Split uint8[k, 4 or more] payloads into event, end, volume and duration, each of length k."""
    flags: NDArray[np.uint8] = payloads[:, 1]
    volume: NDArray[np.uint8] = flags & np.uint8(VOLUME_MASK)
    duration: NDArray[np.int64] = (payloads[:, 2].astype(np.int64) << 8) | payloads[:, 3]
    return payloads[:, 0], np.asarray(flags >= END), volume, duration
