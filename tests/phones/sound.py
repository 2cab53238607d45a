"""What a recording holds, found by NumPy: stretches of silence, of one tone, of other sound (speech).

Windows of 40 ms, 20 ms apart. A window is silent below -50 dBFS, a tone if nine tenths of its power lie in
one spectral peak; neighbours of one kind make a stretch. Tests compare what a phone recorded with what it
should have heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

WINDOW = 0.040  # s
HOP = 0.020  # s
SILENCE = -50.0  # dBFS
TONE_SHARE = 0.9  # of a window's power
SAME_TONE = 0.03  # relative difference of two windows of one tone
SHORTEST = 0.1  # s; shorter stretches are clicks and edges


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of one kind of sound."""

    kind: str  # "silence", "tone" or "sound"
    frequency: float  # Hz; 0 unless it is a tone
    start: float  # s
    end: float  # s

    @property
    def seconds(self) -> float:
        return self.end - self.start


def load(path: Path, channel: int = 0) -> tuple[npt.NDArray[np.float64], int]:
    """Return a channel of a sound file, float64 [samples] from -1 to 1, and its rate in Hz."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return np.ascontiguousarray(samples[:, channel]), int(rate)


def stretches(samples: npt.NDArray[np.float64], rate: int) -> list[Stretch]:
    """Cut float64 [samples] from -1 to 1 into stretches of at least 0.1 s, in order of time."""
    found: list[Stretch] = []
    for start, kind, frequency in _windows(samples, rate):
        last = found[-1] if found else None
        if last and last.kind == kind and _same(last.frequency, frequency):
            found[-1] = Stretch(kind, last.frequency, last.start, start + HOP)
        else:
            found.append(Stretch(kind, frequency, start, start + HOP))
    return _joined([stretch for stretch in found if stretch.seconds >= SHORTEST])


def heard(path: Path) -> list[Stretch]:
    """Return the stretches of a sound file."""
    return stretches(*load(path))


def tones(found: list[Stretch], shortest: float = 0.3) -> list[int]:
    """Return the frequencies of the tones that last `shortest` seconds or more, in Hz, rounded to 10."""
    long = [stretch for stretch in found if stretch.kind == "tone" and stretch.seconds >= shortest]
    return [round(stretch.frequency / 10) * 10 for stretch in long]


def speech(found: list[Stretch]) -> float:
    """Return how long the first speech lasts, in s: to the first pause of a second, or to a long tone."""
    spoken = [s for s in found if s.kind == "sound" or (s.kind == "tone" and s.seconds < 0.3)]
    if not spoken:
        return 0.0
    end = spoken[0].end
    for stretch in spoken:
        if stretch.start - end < 1.0:
            end = stretch.end
    return end - spoken[0].start


def silent(samples: npt.NDArray[np.float64], rate: int, start: float, end: float) -> bool:
    """Tell whether every window that lies between two times (s) is silent."""
    cut = samples[int(start * rate) : int(end * rate)]
    return len(cut) >= int(WINDOW * rate) and all(kind == "silence" for _, kind, _ in _windows(cut, rate))


def _windows(samples: npt.NDArray[np.float64], rate: int) -> list[tuple[float, str, float]]:
    """Return (start in s, kind, frequency in Hz) of each window."""
    size, hop = int(WINDOW * rate), int(HOP * rate)
    if len(samples) < size:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    spread = 4 * size  # zero padding: a finer grid for the peak
    power = np.abs(np.fft.rfft(frames * np.hanning(size), spread, axis=1)) ** 2
    peak = np.argmax(power, axis=1)
    result = []
    for number in range(len(frames)):
        kind, frequency = "silence", 0.0
        if level[number] >= SILENCE:
            lobe = slice(max(0, peak[number] - 10), peak[number] + 11)  # the Hann window's main lobe, padded
            share = power[number, lobe].sum() / power[number].sum()
            kind = "tone" if share >= TONE_SHARE else "sound"
            frequency = float(peak[number] * rate / spread) if kind == "tone" else 0.0
        result.append((number * HOP, kind, frequency))
    return result


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_TONE * max(one, other)


def _joined(found: list[Stretch]) -> list[Stretch]:
    """Join neighbours that are the same again once the clicks between them are gone."""
    result: list[Stretch] = []
    for stretch in found:
        last = result[-1] if result else None
        gap = stretch.start - last.end if last else 0.0
        if (
            last
            and last.kind == stretch.kind
            and _same(last.frequency, stretch.frequency)
            and gap <= SHORTEST
        ):
            result[-1] = Stretch(last.kind, last.frequency, last.start, stretch.end)
        else:
            result.append(stretch)
    return result
