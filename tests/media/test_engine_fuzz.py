"""The batch engine against the per-packet reference model: the same packets, the same sound, sample by sample.

Legs with different faults run in one engine, so that a mask that reaches into another leg's row shows. What a leg
is heard to say is taken from its echo.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.media.line import Peer
from tests.media.reference_model import ReferenceEar
from tests.media.studio import CODECS, LINES, Studio, audio


@pytest.mark.parametrize("seed", range(3))
def test_the_engine_hears_what_the_reference_hears(seed: int) -> None:
    codecs = [list(CODECS)[place % 2] for place in range(len(LINES))]
    studio = Studio(codecs)
    for leg, (faults, codec) in enumerate(zip(LINES.values(), codecs, strict=True)):
        peer = Peer(100 * seed + leg, faults, CODECS[codec][0])
        studio.will_arrive(leg, peer.stream(12))
    ears = [ReferenceEar(CODECS[codec][1]) for codec in codecs]
    for tick in range(620):
        taken, sent = studio.tick()
        for leg, name in enumerate(LINES):
            kind, _, encode = CODECS[codecs[leg]]
            expected = ears[leg].hear(audio(taken[leg], kind))
            assert sent[leg] == encode[expected.view(np.uint16)].tobytes(), f"{name}: tick {tick}"
    for leg, name in enumerate(LINES):
        assert int(studio.engine.jitter.late[leg]) == ears[leg].buffer.late, name


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("often", [0.02, 0.5])
def test_a_peer_that_changes_its_codec_at_any_moment_is_heard_as_by_the_reference(
    seed: int, often: float
) -> None:
    codecs = [list(CODECS)[place % 2] for place in range(len(LINES))]
    kinds = {kind: decode for kind, decode, _ in CODECS.values()}
    studio = Studio(codecs, both=True)
    for leg, (faults, codec) in enumerate(zip(LINES.values(), codecs, strict=True)):
        peer = Peer(500 + 100 * seed + leg, replace(faults, recode=often), CODECS[codec][0], tuple(kinds))
        studio.will_arrive(leg, peer.stream(8))
    ears = [ReferenceEar(CODECS[codec][1], others=kinds) for codec in codecs]
    for tick in range(420):
        taken, sent = studio.tick()
        for leg, name in enumerate(LINES):
            encode = CODECS[codecs[leg]][2]
            expected = ears[leg].hear(audio(taken[leg], *kinds))
            assert sent[leg] == encode[expected.view(np.uint16)].tobytes(), f"{name}: tick {tick}"
    for leg, name in enumerate(LINES):
        assert int(studio.engine.jitter.late[leg]) == ears[leg].buffer.late, name
