"""The sounds that the tests' flows play and their phones send: tones of known frequency, DTMF as sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 8000  # Hz

# One tone for each place that a call can reach; none is near a DTMF frequency.
TONES = {"menu": 480, "one": 600, "two": 1040, "wrong": 1100, "nothing": 1750, "caller": 2000, "again": 2200}

_ROWS = (697, 770, 852, 941)  # Hz, ITU-T Q.23
_COLUMNS = (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")


def tone(frequency: float, seconds: float, level: float = 0.3) -> npt.NDArray[np.float64]:
    """Return a sine, float64 [samples] at 8 kHz, with edges of 5 ms that do not click."""
    time = np.arange(int(seconds * RATE)) / RATE
    edge = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.005)
    return np.asarray(level * edge * np.sin(2 * np.pi * frequency * time), dtype=np.float64)


def quiet(seconds: float) -> npt.NDArray[np.float64]:
    """Return silence, float64 [samples] at 8 kHz."""
    return np.zeros(int(seconds * RATE))


def dtmf(digits: str, seconds: float = 0.12, pause: float = 0.1) -> npt.NDArray[np.float64]:
    """Return digits as sound (ITU-T Q.23), float64 [samples] at 8 kHz."""
    parts = [quiet(pause)]
    for digit in digits:
        row = next(number for number, keys in enumerate(_KEYS) if digit in keys)
        column = _KEYS[row].index(digit)
        parts += [tone(_ROWS[row], seconds, 0.2) + tone(_COLUMNS[column], seconds, 0.2), quiet(pause)]
    return np.concatenate(parts)


def write(path: Path, samples: npt.NDArray[np.float64]) -> Path:
    """Write float64 [samples] as 16-bit wav at 8 kHz."""
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


def write_tones(folder: Path, seconds: float = 1.2) -> None:
    """Write one wav file for each of TONES into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frequency in TONES.items():
        write(folder / f"{name}.wav", tone(frequency, seconds))


def places(frequencies: list[int]) -> list[str]:
    """Return the names in TONES of frequencies that a phone heard; "? 1234" for one that is none of them."""
    return [_place(frequency) for frequency in frequencies]


def _place(frequency: int) -> str:
    for name, expected in TONES.items():
        if abs(frequency - expected) <= 20:
            return name
    return f"? {frequency}"
