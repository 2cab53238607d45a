"""Tones made of sines: the beep before a recording, ringback, and the building block for both.

Levels are in dBm0: a sine at +3.14 dBm0 just reaches the largest mu-law value (ITU-T G.711 section 5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FULL_SCALE_DBM0 = 3.14
FULL_SCALE = 32124  # largest mu-law value
RAMP_MS = 5  # raised-cosine edges, so that a tone starts and ends without a click


def amplitude(level: float) -> float:
    """Return the peak of a sine of `level` dBm0, in int16 units."""
    return float(FULL_SCALE * 10 ** ((level - FULL_SCALE_DBM0) / 20))


def sine(frequency: float, ms: int, rate: int, level: float = -10.0) -> NDArray[np.float64]:
    """Return a sine of `frequency` Hz as float64[ms * rate / 1000], starting at phase 0."""
    phase = 2 * np.pi * frequency / rate * np.arange(ms * rate // 1000)
    return np.asarray(amplitude(level) * np.sin(phase))


def shaped(sound: NDArray[np.float64], rate: int, ramp_ms: int = RAMP_MS) -> NDArray[np.int16]:
    """Fade both ends of a sound and round it to int16."""
    ramp = min(ramp_ms * rate // 1000, len(sound) // 2)
    out = sound.copy()
    edge = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / max(ramp, 1))
    out[:ramp] *= edge
    out[len(out) - ramp :] *= edge[::-1]
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


def beep(rate: int) -> NDArray[np.int16]:
    """Return the beep that asks a caller to speak: 300 ms of 1000 Hz, `rate` in Hz."""
    return shaped(sine(1000, 300, rate, level=-12), rate)


def ringback(rate: int) -> NDArray[np.int16]:
    """Return one cycle of North American ringback: 440 + 480 Hz at -19 dBm0 each, 2 s on and 4 s off."""
    tone = shaped(sine(440, 2000, rate, level=-19) + sine(480, 2000, rate, level=-19), rate)
    return np.concatenate([tone, np.zeros(4 * rate, np.int16)])


CHORDS = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))  # Hz: C, a, F, G
NOTE_MS = 400


def hold_music(rate: int) -> NDArray[np.int16]:
    """Return the music for callers on hold, to be looped: broken chords of soft, fading notes, 12.8 s."""
    notes = []
    for root, third, fifth in CHORDS:
        for note in (root, third, fifth, 2 * root, fifth, third, root, fifth):
            sound = sine(note, NOTE_MS, rate, level=-22) + sine(2 * note, NOTE_MS, rate, level=-34)
            notes.append(shaped(sound * np.linspace(1, 0.25, len(sound)), rate, ramp_ms=15))
    return np.concatenate(notes)
