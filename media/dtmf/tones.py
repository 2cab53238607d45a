"""DTMF tones (ITU-T Q.23): a pair of sines per digit, for peers that take no telephone events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.tones import shaped, sine

LOW = (697.0, 770.0, 852.0, 941.0)  # Hz, one per row of the keypad
HIGH = (1209.0, 1336.0, 1477.0, 1633.0)  # Hz, one per column
KEYPAD = "123A456B789C*0#D"  # digit of row r and column c at 4 * r + c
LEVEL = -9.0  # dBm0 of the low tone; the high one is sent 2 dB louder because lines lose more of it
EDGE_MS = 1


def tone(digit: str, ms: int, rate: int) -> NDArray[np.int16]:
    """Return int16[ms * rate / 1000] of one digit; raise ValueError for what is no digit."""
    place = KEYPAD.find(digit.upper()) if len(digit) == 1 else -1
    if place < 0:
        raise ValueError(f"{digit!r} is no DTMF digit")
    low = sine(LOW[place // 4], ms, rate, level=LEVEL)
    high = sine(HIGH[place % 4], ms, rate, level=LEVEL + 2)
    return shaped(low + high, rate, ramp_ms=EDGE_MS)
