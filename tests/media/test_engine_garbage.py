"""Whatever a peer sends, the engine neither stops nor lets another leg hear it; valid sound beside it stays heard."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from media.codecs.g711 import ULAW_DECODE, ULAW_ENCODE
from media.messages import CloseLeg, LegClosed
from tests.corpora import CORPORA, needs_corpora
from tests.media.line import Arrival, Faults, Peer, rtp
from tests.media.reference_model import ReferenceEar
from tests.media.studio import Studio, audio

SECONDS = 6


def mutated(rng: np.random.Generator, packet: bytes) -> bytes:
    """Flip bits, cut, or lengthen a packet."""
    octets = bytearray(packet)
    for _ in range(int(rng.integers(1, 4))):
        if octets:
            octets[int(rng.integers(min(len(octets), 20)))] ^= 1 << int(rng.integers(8))
    if rng.random() < 0.3:
        del octets[int(rng.integers(len(octets) + 1)) :]
    if rng.random() < 0.1:
        octets += bytes(int(rng.integers(1, 1500)))
    return bytes(octets)


def garbage(rng: np.random.Generator, ssrc: int) -> bytes:
    """Write one datagram of any kind that reaches an RTP port."""
    kind = int(rng.integers(7))
    sound = rng.integers(0, 256, int(rng.integers(0, 1400)), np.uint8).tobytes()
    head = (
        int(rng.integers(65536)),
        int(rng.integers(2**32)),
        ssrc if rng.random() < 0.5 else int(rng.integers(2**32)),
    )
    if kind == 0:
        return sound
    if kind == 1:
        return rtp(int(rng.integers(128)), *head, sound)
    if kind == 2:
        return rtp(0, *head, sound, csrcs=int(rng.integers(16)), extension=int(rng.integers(-1, 90)))
    if kind == 3:
        return rtp(101, *head, sound[: int(rng.integers(0, 9))], marker=rng.random() < 0.5)
    if kind == 4:
        size = int(rng.integers(0, 12))
        return (
            struct.pack("!BBHI", 0x80 | int(rng.integers(32)), int(rng.integers(192, 224)), size, ssrc)
            + sound[:80]
        )
    if kind == 5:
        return bytes([0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]) + bytes(12)  # STUN, RFC 5389
    return bytes([22, 254, 253]) + sound  # DTLS, RFC 6347


@pytest.mark.parametrize("seed", range(3))
def test_garbage_does_not_stop_the_engine_nor_reach_another_leg(seed: int) -> None:
    rng = np.random.default_rng(seed)
    studio = Studio(["PCMU"] * 4)
    for leg in range(4):
        peer = Peer(10 * seed + leg, Faults(jitter=0.02))
        arrivals = peer.stream(SECONDS)
        if leg in (1, 3):
            for place, arrival in enumerate(arrivals[::2]):
                dirt = mutated(rng, arrival.packet) if rng.random() < 0.5 else garbage(rng, peer.ssrc)
                arrivals.append(Arrival(arrival.at + 0.001, 10_000 + place, dirt))
        studio.will_arrive(leg, sorted(arrivals))
    ears = [ReferenceEar(ULAW_DECODE) for _ in range(4)]
    for _ in range(SECONDS * 50 + 20):
        taken, sent = studio.tick()
        for leg in (0, 2):
            expected = ears[leg].hear(audio(taken[leg], 0))
            assert sent[leg] == ULAW_ENCODE[expected.view(np.uint16)].tobytes()
    for leg in range(1, 5):
        studio.engine.order(CloseLeg(leg), studio.now)
        closed = studio.events[-1]
        assert isinstance(closed, LegClosed)
        assert (
            min(closed.packets_received, closed.packets_lost, closed.packets_late, closed.packets_foreign)
            >= 0
        )


@pytest.mark.parametrize("seed", range(2))
def test_garbage_that_is_no_audio_of_the_stream_leaves_its_sound_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    studio = Studio(["PCMU"])
    peer = Peer(seed, Faults(jitter=0.02))
    arrivals = peer.stream(SECONDS)
    for place, arrival in enumerate(arrivals[1::2]):
        dirt = garbage(rng, peer.ssrc)
        if not any(packet.sound for packet in audio([dirt], 0)):
            arrivals.append(Arrival(arrival.at, 10_000 + place, dirt))
    studio.will_arrive(0, sorted(arrivals))
    heard = b"".join(studio.tick()[1][0] for _ in range(SECONDS * 50 + 20))
    numbers = [
        peer.quanta[heard[at : at + 80]][0]
        for at in range(0, len(heard), 80)
        if heard[at : at + 80] in peer.quanta
    ]
    assert numbers == list(range(len(peer.quanta)))


@needs_corpora
def test_captured_packets_of_another_implementation_are_taken_or_refused_cleanly() -> None:
    captures = sorted((CORPORA / "rtp" / "aiortc").glob("*.bin"))
    assert len(captures) > 10
    studio = Studio(["PCMU"])
    peer = Peer(1, Faults())
    arrivals = peer.stream(4)
    arrivals += [
        Arrival(0.5 + 0.05 * place, 10_000 + place, path.read_bytes()) for place, path in enumerate(captures)
    ]
    studio.will_arrive(0, sorted(arrivals))
    for _ in range(220):
        studio.tick()
    assert int(studio.engine.receiver.packets[0]) >= 200
