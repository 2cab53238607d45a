"""8 to 16 kHz and back for live sound: a half-band filter, rows in blocks as one matrix product, 1.4 ms late.

Both directions use one linear-phase half-band filter of 47 taps: flat within 0.02 dB to 3.4 kHz and more than
56 dB down from 4.6 kHz. Every second tap of such a filter is zero but the middle one, so of its two phases
one is a plain delay and the other has 24 taps. Rows keep the end of their past in a state array that the
caller carries, which makes the output the same however the sound is cut:

out, state[rows] = halve(pcm, state[rows])
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

TAPS = 24  # of the phase that is no plain delay
BLOCK = 16  # samples at 8 kHz made by one row of the product: longer ones would multiply by more zeros
HALVE_STATE = 2 * (TAPS - 1)  # samples at 16 kHz kept between calls
DOUBLE_STATE = TAPS - 1  # samples at 8 kHz kept between calls
_DELAY = TAPS // 2  # of the plain phase, in steps of the lower rate
_KAISER_BETA = 5.5


def _taps() -> NDArray[np.float64]:
    """Return the phase that is no plain delay, unity at 0 Hz: a Kaiser-windowed sinc."""
    place = np.arange(TAPS) - (TAPS - 1) / 2
    taps = np.sinc(place) * np.kaiser(2 * TAPS + 1, _KAISER_BETA)[1::2]
    return np.asarray(taps / taps.sum())


def _product() -> NDArray[np.float32]:
    """Return float32[BLOCK + TAPS - 1, BLOCK]: what makes BLOCK filtered samples of a stretch of sound."""
    matrix = np.zeros((BLOCK + TAPS - 1, BLOCK))
    for column in range(BLOCK):
        matrix[column : column + TAPS, column] = _taps()[::-1]
    return matrix.astype(np.float32)


_PRODUCT = _product()


def _filter(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[k, n] of float32[k, n + TAPS - 1], n a multiple of BLOCK."""
    rows, length = sound.shape
    blocks = (length - TAPS + 1) // BLOCK
    row, step = sound.strides
    windows = as_strided(sound, (rows, blocks, len(_PRODUCT)), (row, BLOCK * step, step))
    return (windows.reshape(rows * blocks, len(_PRODUCT)) @ _PRODUCT).reshape(rows, blocks * BLOCK)


def _to_int16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round and clip in place, then convert: a filter overshoots at full scale."""
    np.rint(sound, out=sound)
    return np.clip(sound, -32768, 32767, out=sound).astype(np.int16)


def halve_state(rows: int) -> NDArray[np.int16]:
    """Return silence as the past of `rows` streams for `halve`."""
    return np.zeros((rows, HALVE_STATE), np.int16)


def double_state(rows: int) -> NDArray[np.int16]:
    """Return silence as the past of `rows` streams for `double`."""
    return np.zeros((rows, DOUBLE_STATE), np.int16)


def halve(pcm: NDArray[np.int16], state: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Turn int16[k, 2n] at 16 kHz into int16[k, n] at 8 kHz, 16 | n; return it and the new state."""
    if pcm.shape[1] % (2 * BLOCK):
        raise ValueError(f"halve takes multiples of {2 * BLOCK} samples, not {pcm.shape[1]}")
    past = np.concatenate([state, pcm], axis=1)
    filtered = _filter(past[:, 1::2].astype(np.float32))
    filtered += past[:, 2 * (TAPS - 1 - _DELAY) + 2 : past.shape[1] - 2 * _DELAY + 2 : 2]
    filtered *= 0.5
    return _to_int16(filtered), past[:, -HALVE_STATE:]


def double(pcm: NDArray[np.int16], state: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Turn int16[k, n] at 8 kHz into int16[k, 2n] at 16 kHz, 16 | n; return it and the new state."""
    rows, samples = pcm.shape
    if samples % BLOCK:
        raise ValueError(f"double takes multiples of {BLOCK} samples, not {samples}")
    past = np.concatenate([state, pcm], axis=1)
    out = np.empty((rows, 2 * samples), np.int16)
    out[:, 0::2] = _to_int16(_filter(past.astype(np.float32)))
    out[:, 1::2] = past[:, TAPS - _DELAY : TAPS - _DELAY + samples]
    return out, past[:, -DOUBLE_STATE:]
