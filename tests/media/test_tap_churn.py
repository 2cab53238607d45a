"""Taps that come and go while legs join, leave, are muted, play and end: nothing is left behind, nothing breaks."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from media.messages import (
    ClearTap,
    CloseLeg,
    CloseTap,
    Echo,
    Join,
    Leave,
    Mute,
    OpenTap,
    SetStream,
    StopPlay,
    TapRtp,
)
from tests.media.fake_io import Bench, stream

CODECS = ("PCMU", "PCMA", "G722", "L16/8000", "L16/16000")
SIDES = ("", "in", "out", "both")


@pytest.mark.parametrize("seed", range(4))
def test_anything_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bench = Bench()
    taps: dict[int, tuple[int, socket.socket]] = {}
    legs: list[int] = []
    for number in range(1, 300):
        what = int(rng.integers(10))
        leg = int(rng.choice(legs)) if legs else 0
        if what == 0 or not leg:
            legs.append(bench.open(stream(str(rng.choice(CODECS)))))
        elif what in (1, 2):
            far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            far.setblocking(False)
            rate = int(rng.choice([8000, 16000]))
            rtp = TapRtp("L16", 96, 1) if rng.random() < 0.3 else None
            listen, speak = str(rng.choice(SIDES)), str(rng.choice(SIDES))
            bench.engine.taps.offer(number, near)
            bench.order(OpenTap(leg, number, listen, speak, rate, rtp, room=bool(rng.random() < 0.1)))
            taps[number] = leg, far
        elif what == 3 and taps:
            tap = int(rng.choice(list(taps)))
            owner, far = taps.pop(tap)
            bench.order(ClearTap(owner, tap))
            bench.order(CloseTap(owner, tap))
            far.close()
        elif what == 4:
            bench.order(Join(leg, int(rng.integers(1, 4))))
        elif what == 5:
            bench.order(Leave(leg) if rng.random() < 0.5 else Mute(leg, str(rng.choice(SIDES))))
        elif what == 6:
            bench.play(leg, np.full(1000, 3000, np.int16))
        elif what == 7:
            bench.order(Echo(leg, str(rng.choice(["off", "sound", "stream"]))))
        elif what == 8 and rng.random() < 0.3:
            legs.remove(leg)
            bench.order(CloseLeg(leg))
        elif what == 9:
            bench.order(SetStream(leg, stream(str(rng.choice(CODECS)), send=bool(rng.random() < 0.8))))
        _speak(bench, rng, [far for _, far in taps.values()])
        bench.tick(int(rng.integers(1, 4)))
    for leg in legs:
        bench.order(StopPlay(leg))
        for tap, (owner, _) in taps.items():
            if owner == leg:
                bench.order(CloseTap(leg, tap))
    bench.tick(3)
    assert not bench.engine.taps
    assert not bench.engine.legs.want_said.any()
    assert not bench.engine.legs.want_heard.any()
    for _, far in taps.values():
        far.close()


def _speak(bench: Bench, rng: np.random.Generator, fars: list[socket.socket]) -> None:
    """Send sound of any length, or garbage, and read what has come."""
    for far in fars:
        size = int(rng.choice([0, 1, 2, 320, 321, 640, 3200]))
        try:
            far.send(rng.integers(0, 256, max(size, 1), np.uint8).tobytes())
        except OSError:  # full, or its leg is gone
            continue
        try:
            while packet := far.recv(1 << 16):
                assert len(packet) in (320, 640, 332, 652)
        except OSError:
            continue
