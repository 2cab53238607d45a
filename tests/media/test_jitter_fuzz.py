"""The jitter buffer alone against the reference, driven hard at its edges: packets at every distance, bursts, pauses.

No stream behaves like this; every comparison in the code does something under it.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from media import jitter
from media.jitter import JitterBuffer
from tests.media.reference_model import QUANTUM, Packet, ReferenceBuffer

ROWS = 24
# Distances, in quanta, of a packet from the newest one: where the rules change their mind.
EDGES = [(-112, -95), (-40, -20), (-12, 0), (0, 8), (0, 3), (1, 2), (18, 40)]


class Pair:
    """The batch buffer and one reference for each of its rows."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.batch = JitterBuffer(ROWS)
        self.references = [ReferenceBuffer() for _ in range(ROWS)]
        self.at = self.rng.integers(0, 2**32, ROWS).astype(np.int64)  # timestamp after the newest packet
        self.mood = self.rng.integers(0, 3, ROWS)  # 0: a steady stream, 1: pauses, 2: anything

    def round(self) -> None:
        """Give some rows one packet each."""
        rng = self.rng
        chance = np.choose(self.mood, [0.9, 0.25, 0.5])
        rows = np.flatnonzero(rng.random(ROWS) < chance)
        if not len(rows):
            return
        quanta = rng.integers(1, 7, len(rows))
        quanta[self.mood[rows] == 0] = 2
        stamps = np.zeros(len(rows), np.uint32)
        newer = np.zeros(len(rows), np.bool_)
        payload = rng.integers(0, 256, (len(rows), 6 * QUANTUM), np.uint8)
        for place, row in enumerate(rows.tolist()):
            low, high = EDGES[int(rng.integers(len(EDGES)))] if self.mood[row] == 2 else (0, 0)
            stamp = int(self.at[row]) + QUANTUM * int(rng.integers(low, high + 1))
            if self.mood[row] == 2 and rng.random() < 0.05:
                stamp += int(rng.integers(-QUANTUM, QUANTUM))
            stamps[place] = stamp % 2**32
            end = stamp + QUANTUM * int(quanta[place])
            self.at[row] = max(self.at[row], end) if low < 90 else end
            octets = payload[place, : quanta[place] * QUANTUM].tobytes()
            reference = self.references[row]
            sequence = int(rng.integers(65536)) if rng.random() < 0.3 else reference.sequence + 1
            before = reference.sequence
            reference.receive(Packet(sequence % 65536, int(stamps[place]), 0, octets))
            newer[place] = reference.sequence != before
        self.batch.insert(rows, stamps, payload, quanta, newer)

    def tick(self) -> None:
        """Play 20 ms of all rows and compare."""
        rows = np.arange(ROWS)
        quiet = self.rng.random(ROWS) < np.where(rows % 2, 0.3, 0.0)
        step = self.batch.advance(rows, quiet)
        for row, reference in enumerate(self.references):
            start = reference.play
            played = reference.tick(partial(bool, quiet[row]))
            assert int(self.batch.play[row]) == reference.play
            assert bool(step.spliced[row]) == played.spliced
            count = len(played.quanta)
            octets, there = self.batch.read(np.array([row]), step.start[row : row + 1], count)
            assert there[0].tolist() == [quantum is not None for quantum in played.quanta]
            for place, quantum in enumerate(played.quanta):
                assert quantum is None or octets[0, place].tobytes() == quantum[1]
            assert int(self.batch.late[row]) == reference.late
            assert reference.play >= start

    def window(self) -> None:
        for reference in self.references:
            reference.judge()


@pytest.mark.parametrize("seed", range(4))
def test_the_batch_buffer_and_the_reference_agree_at_every_edge(seed: int) -> None:
    pair = Pair(seed)
    for tick in range(1, 601):
        for _ in range(int(pair.rng.choice([0, 1, 1, 1, 2, 4]))):
            pair.round()
        if tick % 40 == 0:
            pair.mood = pair.rng.integers(0, 3, ROWS)
        pair.tick()
        if tick % jitter.WINDOW == 0:
            pair.window()


@pytest.mark.parametrize("seed", range(2))
def test_no_delay_is_ever_longer_than_the_ring(seed: int) -> None:
    pair = Pair(100 + seed)
    for _ in range(400):
        for _ in range(int(pair.rng.integers(0, 9))):
            pair.round()
        pair.batch.advance(np.arange(ROWS), np.ones(ROWS, np.bool_))
        lead = pair.batch.newest + 1 - pair.batch.play
        assert (lead <= jitter.CEILING).all()
        assert (lead >= 0).all()
