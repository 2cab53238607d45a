"""Faster or slower speech at the same pitch, for paces that an engine does not keep by itself.

WSOLA (W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity for high quality
time-scale modification of speech", ICASSP 1993): pieces of the sound are laid over each other at another
distance, each taken from where it best continues the one before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PIECE = 0.030  # s; two to six periods of a voice
SEARCH = 0.008  # s either way; more than half the longest period


def stretch(sound: NDArray[np.float32], rate: int, pace: float) -> NDArray[np.float32]:
    """Return float32 mono `sound` at `rate` Hz in 1/`pace` of its time."""
    hop = int(rate * PIECE / 2)
    size, search = 2 * hop, int(rate * SEARCH)
    length = round(len(sound) / pace)
    count = -(-length // hop)
    if not len(sound) or count < 2:
        return sound
    padded = np.pad(sound, (search, size + hop + search + int(hop * pace)))
    window = np.hanning(size + 1)[:size].astype(np.float32)
    result = np.zeros(count * hop + size, np.float32)
    start = search  # where the piece before was taken, in `padded`
    result[:size] += padded[start : start + size] * window
    result[:hop] += padded[start : start + hop] * (1 - window[:hop])  # nothing fades into the first half
    for index in range(1, count):
        ideal = padded[start + hop : start + hop + size]  # what would follow naturally
        centre = min(search + int(index * hop * pace), len(padded) - size - search)
        area = padded[centre - search : centre + search + size]
        start = centre - search + _best(area, ideal)
        result[index * hop : index * hop + size] += padded[start : start + size] * window
    return result[:length]


def _best(area: NDArray[np.float32], ideal: NDArray[np.float32]) -> int:
    """Return the offset in `area` at which it is most like `ideal` (normalised cross-correlation)."""
    if len(ideal) < 2:
        return 0
    size = len(ideal)
    match = np.correlate(area, ideal, mode="valid")
    total = np.concatenate((np.zeros(1), np.cumsum(area.astype(np.float64) ** 2)))
    energy = total[size:] - total[:-size]
    return int(np.argmax(match / np.sqrt(energy + 1e-9)))
