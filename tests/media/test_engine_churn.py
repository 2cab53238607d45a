"""Legs that come, go, hold, change codec and re-use each other's rows: none may hear anything of another.

Every leg is compared with a reference model of its own in every tick, as in test_engine_fuzz.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.engine import Engine
from media.messages import CloseLeg, Echo, Event, LegClosed, OpenLeg, SetStream, Stream
from tests.media.line import PEER, Arrival, Faults, Line, Peer
from tests.media.reference_model import ReferenceEar
from tests.media.studio import audio

TICK = 0.02
LAWS = {0: ("PCMU", ULAW_DECODE, ULAW_ENCODE), 8: ("PCMA", ALAW_DECODE, ALAW_ENCODE)}
ROUGH = Faults(loss=0.02, jitter=0.04, duplicate=0.02, silence=0.01, restart=0.003, jump=0.003, stray=0.03)


class Rows(Line):
    """A line that knows which leg has which row."""

    def __init__(self) -> None:
        super().__init__()
        self.row_of: dict[int, int] = {}

    def open(self, row: int, leg: int) -> None:
        super().open(row, leg)
        self.row_of[leg] = row

    def close(self, row: int) -> None:
        super().close(row)
        self.waiting[row].clear()


class Caller:
    """One leg, what comes on it, and the model of what is heard."""

    def __init__(
        self, leg: int, payload_type: int, arrivals: list[Arrival], opened: float, ticks: int
    ) -> None:
        self.leg = leg
        self.payload_type = payload_type
        self.arrivals = arrivals[::-1]
        self.opened = opened
        self.ear = ReferenceEar(LAWS[payload_type][1], ticks)
        self.held = False
        self.received = 0


class House:
    """An engine whose legs all echo, and their callers."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.line = Rows()
        self.events: list[Event] = []
        self.engine = Engine(self.line, np.zeros(4000, np.int16), self.events.append, seed=seed)
        self.now = 500.0
        self.ticks = 0
        self.callers: dict[int, Caller] = {}
        self._last_leg = 0

    def open(self) -> None:
        self._last_leg += 1
        leg = self._last_leg
        payload_type = int(self.rng.choice([0, 8]))
        peer = Peer(int(self.rng.integers(2**31)), ROUGH, payload_type)
        self.callers[leg] = Caller(leg, payload_type, peer.stream(4), self.now, self.ticks)
        self.engine.order(OpenLeg(leg, slot=leg, inband_digits=bool(leg % 2), rtp_timeout=0), self.now)
        self.set_stream(self.callers[leg])
        self.engine.order(Echo(leg, "sound"), self.now)

    def set_stream(self, caller: Caller) -> None:
        """Signal the caller's present state; a hold stops only what we hear."""
        kind = caller.payload_type
        stream = Stream(LAWS[kind][0], kind, kind, *PEER, PEER[1] + 1, receive=not caller.held)
        self.engine.order(SetStream(caller.leg, stream), self.now)

    def close(self, caller: Caller) -> None:
        self.engine.order(CloseLeg(caller.leg), self.now)
        del self.callers[caller.leg]
        closed = self.events[-1]
        assert isinstance(closed, LegClosed)
        assert closed.leg == caller.leg
        assert closed.packets_late == caller.ear.buffer.late

    def hold(self, caller: Caller) -> None:
        """Hold or resume; what was buffered is forgotten."""
        caller.held = not caller.held
        caller.ear.hold()
        self.set_stream(caller)

    def oversleep(self) -> None:
        """Lose up to 100 ms, as a worker does whose machine was busy."""
        ticks = int(self.rng.integers(1, 6))
        self.now += ticks * TICK
        self.engine.skip(ticks)
        for caller in self.callers.values():
            caller.ear.buffer.skip(ticks)

    def tick(self) -> None:
        """Let 20 ms pass and compare."""
        self.now += TICK
        self.ticks += 1
        rows = self.line.row_of
        for caller in self.callers.values():
            while caller.arrivals and caller.opened + caller.arrivals[-1].at <= self.now:
                self.line.waiting[rows[caller.leg]].append(caller.arrivals.pop().packet)
        self.engine.tick(self.now)
        for caller in self.callers.values():
            row = rows[caller.leg]
            taken, sent = self.line.taken[row], self.line.sent[row]
            self.line.taken[row], self.line.sent[row] = [], []
            if caller.held:
                caller.ear.rest()
                continue
            expected = caller.ear.hear(audio(taken, caller.payload_type))
            octets: NDArray[np.uint8] = LAWS[caller.payload_type][2][expected.view(np.uint16)]
            assert b"".join(packet[12:] for packet in sent) == octets.tobytes(), (caller.leg, self.ticks)


@pytest.mark.parametrize("seed", range(2))
def test_legs_come_and_go(seed: int) -> None:
    house = House(seed)
    for _ in range(300):
        for _ in range(int(house.rng.poisson(0.8 if house.ticks < 150 else 0.3))):
            house.open()
        for caller in list(house.callers.values()):
            chance = house.rng.random()
            if chance < 0.004:
                house.close(caller)
            elif chance < 0.008:
                house.hold(caller)
            elif chance < 0.012:
                house.set_stream(caller)
        if house.rng.random() < 0.01:
            house.oversleep()
        house.tick()
    assert house._last_leg > 100
    assert max(house.line.row_of.values()) > 64  # grown at least once
    assert len(set(house.line.row_of.values())) < house._last_leg  # and rows used again
