"""From an engine's sound to a telephone's: edges trimmed, one loudness, the right rate, peaks held.

Every engine goes through this, so a caller who hears two of them in one call need not reach for the volume.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from voipbin_sip.speech.stretch import stretch

EDGE = 0.05  # s of silence kept at either end: prompts start at once and joints do not click
BLOCK = 0.01  # s, the grain of loudness measurements
LEVEL = -20.0  # dBFS, RMS of the blocks with speech in them; what carriers' own announcements have
SPEECH_RANGE = 35.0  # dB below the loudest block that still counts as speech
AUDIBLE = (
    38.0  # dB below the loudest place; under it is the engines' own noise, above it the softest consonant
)
MOST_GAIN = 30.0  # dB
PEAK = 10 ** (-1.0 / 20)  # full scale 1.0; room for what A-law and resampling add
LIMIT_SPAN = 0.004  # s of look-ahead and of release of the limiter


def finish(sound: NDArray[np.float32], rate: int, target: int, pace: float) -> NDArray[np.int16]:
    """Return float mono at `rate` Hz as int16 at `target` Hz, `pace` times as fast; empty if silent."""
    sound = trim(np.nan_to_num(sound.astype(np.float32, copy=False)), rate)
    if not len(sound):
        return np.zeros(0, np.int16)
    if abs(pace - 1) > 0.005:
        sound = stretch(sound, rate, pace)
    if rate != target:
        sound = soxr.resample(sound, rate, target, quality="HQ")
    sound = limit(level(sound, target), target)
    return np.rint(sound * 32767).astype(np.int16)


def loudness(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the mean square of each whole block of 10 ms, float32 [blocks]."""
    size = int(rate * BLOCK)
    blocks = len(sound) // size
    grid = sound[: blocks * size].reshape(blocks, size)
    means: NDArray[np.float32] = np.einsum("ij,ij->i", grid, grid) / size
    return means


def trim(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the sound without the silence around it, but for 50 ms; empty if there is nothing else."""
    power = loudness(sound, rate)
    if not len(power) or power.max() < 1e-7:
        return sound[:0]
    power = np.convolve(
        power, np.full(5, 0.2), mode="same"
    )  # a lone click is no speech; widens it by 2 blocks
    loud = np.flatnonzero(power > power.max() * 10 ** (-AUDIBLE / 10))
    size, edge = int(rate * BLOCK), int(rate * (EDGE - 2 * BLOCK))
    return sound[max(0, loud[0] * size - edge) : (loud[-1] + 1) * size + edge]


def level(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the sound at -20 dBFS RMS of its speech."""
    power = loudness(sound, rate)
    if not len(power) or power.max() <= 0:
        return sound
    speech = power[power > power.max() * 10 ** (-SPEECH_RANGE / 10)]
    gain = 10 ** (LEVEL / 20) / float(np.sqrt(speech.mean()))
    return sound * np.float32(min(gain, 10 ** (MOST_GAIN / 20)))


def limit(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the sound with its peaks at or below -1 dBFS, turned down smoothly around them."""
    if not len(sound) or np.abs(sound).max() <= PEAK:
        return sound
    span = int(rate * LIMIT_SPAN)
    need = np.minimum(1.0, PEAK / np.maximum(np.abs(sound), 1e-9))
    padded = np.pad(need, span, constant_values=1.0)
    # The lowest gain within `span` on either side, then a mean over the same width: smooth, and never too
    # high.
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * span + 1).min(axis=1)
    padded = np.pad(lowest, span, mode="edge")
    smooth = np.convolve(padded, np.full(2 * span + 1, 1 / (2 * span + 1)), mode="valid")
    return np.asarray(sound * np.minimum(smooth, need), np.float32)
