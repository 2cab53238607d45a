"""In-band DTMF of all legs at once: block Fourier sums, then a fit of tone pairs (ITU-T Q.23, Q.24).

Each 20 ms frame is cut into two blocks of 10 ms. A block is projected on the eight DTMF frequencies
(Goertzel's sums as one matrix product for all legs). The strongest low and high tone are fitted together by
least squares, which takes out how each leaks into the other, and a block counts as tone-like when the pair
explains most of its energy. Three tone-like blocks in a row with the same pair are a digit if the pair is
steady and both tones are where their phase moves from block to block as their frequency says: the phase gives
the frequency to about 1 Hz, far finer than a 10 ms sum resolves, which is what tells a digit from speech.

A digit is reported when it has ended, with its length, so that a telephone event of the same key press (RFC
4733) is seen before it and can silence it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.dtmf.tones import HIGH, KEYPAD, LOW
from media.tones import amplitude

RATE = 8000
BLOCK = 80  # samples: 10 ms
BLOCKS = 3  # tone-like blocks that make a digit: a 40 ms tone always holds three, one of 23 ms never
LOWEST_LEVEL = -40.0  # dBm0 of the weaker tone
NORMAL_TWIST = 10.0  # dB that the low tone may be stronger: Q.24 asks for 8
REVERSE_TWIST = 9.0  # dB that the high tone may be stronger: Q.24 asks for 4, G.722 after a loss needs more
TOLERANCE = 0.025  # of the frequency; Q.24 accepts 1.5 % and rejects 3.5 %
DOMINANCE = 0.70  # share of a block's energy that the pair explains; 1.5 % off leaves about 0.82
STEADINESS = 0.65  # weakest of the three blocks against the strongest, in amplitude
PHASE_SCATTER = 0.6  # rad between the phase steps of one tone: a steady tone has none
GAP_BLOCKS = (
    4  # blocks without the pair that end a digit: a pause of 40 ms has four, a drop-out of 20 ms three
)


class Found(NamedTuple):
    """A digit that has ended."""

    row: int
    digit: str
    ms: int  # length, to within 10 ms


def _projection() -> NDArray[np.float32]:
    """Return float32[16, 80]: cosine and sine of each frequency, pairwise."""
    angle = 2 * np.pi / RATE * np.outer((*LOW, *HIGH), np.arange(BLOCK))
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(16, BLOCK).astype(np.float32)


def _pair_inverses(projection: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[16, 4, 4]: for each key of the keypad what turns its four sums into four amplitudes."""
    inverses = np.empty((16, 4, 4), np.float32)
    for key in range(16):
        low, high = key // 4, 4 + key % 4
        basis = projection[[2 * low, 2 * low + 1, 2 * high, 2 * high + 1]].astype(np.float64)
        inverses[key] = np.linalg.inv(basis @ basis.T)
    return inverses


class InbandDetector:
    """State of every leg's tone detection; one row per leg, grown by the caller as legs come."""

    def __init__(self, capacity: int) -> None:
        self._projection = _projection()
        self._inverses = _pair_inverses(self._projection)
        hz = np.array([[low, high] for low in LOW for high in HIGH])
        turns = hz * BLOCK / RATE
        self._turn = np.exp(-2j * np.pi * turns).astype(
            np.complex64
        )  # undoes a block's phase step at exact tune
        self._phase_limit = (2 * np.pi * TOLERANCE * turns).astype(np.float32)
        self._keys = np.full((0, BLOCKS), -1, np.int8)  # of the last blocks, newest last; -1: not tone-like
        self._tones = np.zeros((0, BLOCKS, 2), np.complex64)  # low and high amplitude of those blocks
        self._digit = np.full(0, -1, np.int8)  # key that sounds
        self._misses = np.zeros(0, np.int16)  # blocks since it was last seen
        self._length = np.zeros(0, np.int32)  # blocks from first to last sight
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` rows; what the present rows know is kept."""
        extra = capacity - len(self._digit)
        if extra <= 0:
            return
        self._keys = np.concatenate([self._keys, np.full((extra, BLOCKS), -1, np.int8)])
        self._tones = np.concatenate([self._tones, np.zeros((extra, BLOCKS, 2), np.complex64)])
        self._digit = np.concatenate([self._digit, np.full(extra, -1, np.int8)])
        self._misses = np.concatenate([self._misses, np.zeros(extra, np.int16)])
        self._length = np.concatenate([self._length, np.zeros(extra, np.int32)])

    def reset(self, row: int) -> None:
        """Forget what a row heard: its leg is new, or its digits come another way."""
        self._keys[row] = -1
        self._digit[row] = -1
        self._misses[row] = 0
        self._length[row] = 0

    def process(self, rows: NDArray[np.intp], pcm: NDArray[np.int16]) -> list[Found]:
        """Take int16[k, 160] at 8 kHz, the next 20 ms of k different rows; return the digits that ended."""
        found: list[Found] = []
        sound = pcm.astype(np.float32)
        for start in (0, BLOCK):
            self._block(rows, sound[:, start : start + BLOCK], found)
        return found

    def _block(self, rows: NDArray[np.intp], sound: NDArray[np.float32], found: list[Found]) -> None:
        """Advance k rows by one block."""
        key, tones = self._tone_pairs(sound)
        keys = self._keys
        keys[rows, 0], keys[rows, 1], keys[rows, 2] = keys[rows, 1], keys[rows, 2], key
        like = np.flatnonzero(key >= 0)
        if len(like):
            who = rows[like]
            self._tones[who, :2] = self._tones[who, 1:]
            self._tones[who, 2] = tones
        seen = np.full(len(rows), -1, np.int8)
        steady = like[(keys[rows[like]] == key[like, None]).all(axis=1)]
        if len(steady):
            sure = steady[self._is_digit(rows[steady], key[steady])]
            seen[sure] = key[sure]
        self._follow(rows, key, seen, found)

    def _tone_pairs(self, sound: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.complex64]]:
        """Return the key of each of k blocks (-1: none) and complex64[m, 2] amplitudes of the m that have
        one.
        """
        key = np.full(len(sound), -1, np.int8)
        energy = np.einsum("ij,ij->i", sound, sound)
        loud = np.flatnonzero(energy > BLOCK * amplitude(LOWEST_LEVEL) ** 2)
        if not len(loud):
            return key, np.zeros((0, 2), np.complex64)
        if len(loud) < len(sound):
            sound, energy = sound[loud], energy[loud]
        sums = self._projection @ sound.T
        power = (sums * sums).reshape(8, 2, -1).sum(axis=1)
        low, high = power[:4].argmax(axis=0), power[4:].argmax(axis=0)
        each = np.arange(len(loud))
        likely = np.flatnonzero(
            power[low, each] + power[4 + high, each] > 0.5 * DOMINANCE * BLOCK / 2 * energy
        )
        low, high = low[likely], high[likely]
        pick = np.stack([2 * low, 2 * low + 1, 8 + 2 * high, 9 + 2 * high])
        four = sums[pick, likely].T[:, :, None]
        code = 4 * low + high
        fit = self._inverses[code] @ four
        explained = (fit * four).sum(axis=(1, 2))
        good = np.flatnonzero(explained > DOMINANCE * energy[likely])
        key[loud[likely[good]]] = code[good]
        fit = fit[good, :, 0]
        return key, (fit[:, 0::2] - 1j * fit[:, 1::2]).astype(np.complex64)

    def _is_digit(self, rows: NDArray[np.intp], key: NDArray[np.int8]) -> NDArray[np.bool_]:
        """Judge m rows whose last three blocks named the same key: level, twist, steadiness, frequency."""
        tones = self._tones[rows]
        size = np.abs(tones)
        step = tones[:, 1:] * tones[:, :-1].conj() * self._turn[key][:, None]
        drift = np.angle(step.sum(axis=1))
        mean = size.mean(axis=1) / np.sinc(drift / (2 * np.pi))  # what a sum loses off its frequency
        decibel = 20 * np.log10(mean[:, 0] / mean[:, 1])
        level = (mean > amplitude(LOWEST_LEVEL)).all(axis=1)
        twist = (decibel < NORMAL_TWIST) & (decibel > -REVERSE_TWIST)
        steady = (size.min(axis=1) > STEADINESS * size.max(axis=1)).all(axis=1)
        scatter = np.abs(np.angle(step[:, 1] * step[:, 0].conj()))
        tuned = (np.abs(drift) < self._phase_limit[key]).all(axis=1) & (scatter < PHASE_SCATTER).all(axis=1)
        return np.asarray(level & twist & steady & tuned)

    def _follow(
        self, rows: NDArray[np.intp], key: NDArray[np.int8], seen: NDArray[np.int8], found: list[Found]
    ) -> None:
        """Turn what k rows hold in this block into digits with a start and an end.

        A digit begins where one is `seen` beyond doubt and goes on while blocks have its `key`, however the phase
        jumps: concealed packet loss does not split it.
        """
        digit = self._digit[rows]
        busy = np.flatnonzero((digit >= 0) | (seen >= 0))
        if not len(busy):
            return
        rows, digit, seen = rows[busy], digit[busy], seen[busy]
        same = key[busy] == digit
        misses = np.where(same, 0, self._misses[rows] + 1)
        fresh = (seen >= 0) & ~same
        over = (digit >= 0) & (fresh | (misses >= GAP_BLOCKS))
        for place in np.flatnonzero(over):
            ms = int(self._length[rows[place]]) * 10
            found.append(Found(int(rows[place]), KEYPAD[digit[place]], ms))
        self._length[rows] = np.where(
            fresh, BLOCKS, np.where(same, self._length[rows] + self._misses[rows] + 1, self._length[rows])
        )
        self._misses[rows] = np.where(fresh, 0, misses)
        self._digit[rows] = np.where(fresh, seen, np.where(over, -1, digit))
