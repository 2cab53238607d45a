"""Everything that can happen to legs in rooms, at once and at random, in all codecs and two engines.

There is no model to compare with here; what must hold whatever happens: each leg that may send sends 50 gapless
packets a second, its timestamps keep step with the clock, and every playout and digit order is answered once.
"""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from media.handover import put_in, take_out
from media.messages import (
    ClipRef,
    CloseLeg,
    DigitsSent,
    Echo,
    Gain,
    Join,
    Leave,
    Mute,
    OpenLeg,
    OtherDigits,
    Play,
    PlayDone,
    SendDigits,
    SetStream,
    StopPlay,
)
from media.messages import Order as AnyOrder
from media.rtp import read_header, write_header
from tests.media.fake_io import Bench, stream

KINDS = {"PCMU": 0, "PCMA": 8, "G722": 9}
DIGITS = "0123456789*#ABCD"


class Chaos:
    """Two engines and what has been ordered."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.benches = [Bench(), Bench()]
        for bench in self.benches:
            bench.bank[:] = self.rng.normal(0, 3000, len(bench.bank)).astype(np.int16)
        self.home: dict[int, int] = {}
        self.codec: dict[int, str] = {}
        self.numbers = itertools.count(1)
        self.asked: Counter[int] = Counter()
        self.packets: dict[int, list[bytes]] = {}

    def order(self, leg: int, order: AnyOrder) -> None:
        self.benches[self.home[leg]].order(order)

    def open(self) -> None:
        leg = next(self.numbers)
        self.home[leg] = int(self.rng.integers(2))
        self.packets[leg] = []
        self.order(leg, OpenLeg(leg, leg, bool(self.rng.integers(2)), 0.0))
        self.agree(leg, "PCMU" if self.rng.random() < 0.4 else str(self.rng.choice(list(KINDS))))

    def agree(self, leg: int, codec: str, *, receive: bool = True) -> None:
        self.codec[leg] = codec
        digits = int(self.rng.choice([-1, 96, 101]))
        clock = int(self.rng.choice([8000, 48000]))
        agreed = stream(codec, send_digit_payload_type=digits, digit_clock=clock, receive=receive)
        self.order(leg, SetStream(leg, agreed))

    def move(self, leg: int, place: int) -> None:
        """Bring a leg to an engine."""
        if self.home[leg] == place:
            return
        before, after = self.benches[self.home[leg]], self.benches[place]
        record = before.engine.legs.by_id[leg]
        luggage = take_out(before.engine, record)
        before.io.close(record.row)
        put_in(after.engine, luggage, after.now)
        self.packets[leg] += [packet for packet, _ in before.io.sent.pop(leg, [])]
        self.home[leg] = place

    def act(self, leg: int) -> None:
        """Do something to a leg."""
        rng = self.rng
        number = next(self.numbers)
        match int(rng.integers(12)):
            case 0 | 1 | 2:
                room = int(rng.integers(1, 7))
                self.move(leg, room % 2)
                self.order(leg, Join(leg, 1000 + room))
            case 3:
                self.order(leg, Leave(leg))
            case 4:
                self.order(leg, Mute(leg, str(rng.choice(["in", "out", "both", "", ""]))))
            case 5:
                self.order(leg, Gain(leg, float(rng.uniform(0, 8))))
            case 6:
                clip = ClipRef(
                    int(rng.integers(1000)), int(rng.integers(1, 9000)), int(rng.choice([8000, 16000]))
                )
                mix, urgent = rng.integers(2, size=2).astype(bool).tolist()
                self.order(leg, Play(leg, number, [clip], urgent, "5", False, mix))
                self.asked[number] += 1
            case 7:
                self.order(leg, StopPlay(leg, 0))
            case 8:
                self.order(leg, SendDigits(leg, number, "".join(rng.choice(list(DIGITS), 3)), 60, 40))
            case 9:
                self.order(leg, Echo(leg, str(rng.choice(["off", "off", "sound"]))))
            case 10:
                self.order(leg, OtherDigits(leg, str(rng.choice(list(DIGITS)))))
            case 11:
                self.agree(leg, str(rng.choice(list(KINDS))), receive=rng.random() < 0.8)

    def close(self, leg: int) -> None:
        self.order(leg, CloseLeg(leg))
        bench = self.benches[self.home.pop(leg)]
        self.packets[leg] += [packet for packet, _ in bench.io.sent.pop(leg, [])]

    def tick(self) -> None:
        for leg, place in self.home.items():
            bench = self.benches[place]
            if self.rng.random() < 0.9:
                kind = KINDS[self.codec[leg]]
                octets = self.rng.integers(0, 256, 160, np.uint8).tobytes()
                bench.speak(leg, octets, payload_type=kind)
            if self.rng.random() < 0.05:
                packet = write_header(101, int(self.rng.integers(65536)), int(bench.now * 2) * 9000, 7)
                end = int(self.rng.integers(2)) << 7
                bench.io.arrive(leg, packet + bytes([int(bench.now * 2) % 16, 10 | end, 1, 0]))
        for bench in self.benches:
            bench.tick()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_stream_of_each_leg_goes_on(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(16):
        chaos.open()
    for _ in range(250):
        for leg in list(chaos.home):
            chance = chaos.rng.random()
            if chance < 0.05:
                chaos.act(leg)
            elif chance < 0.053:
                chaos.close(leg)
                chaos.open()
        chaos.tick()
    for leg in list(chaos.home):
        chaos.close(leg)
    for packets in chaos.packets.values():
        headers = [read_header(packet) for packet in packets]
        sequence = [header.sequence for header in headers if header is not None]
        assert (
            sequence == [(sequence[0] + step) & 0xFFFF for step in range(len(packets))] if packets else True
        )
        assert len({header.ssrc for header in headers if header is not None}) <= 1
        sound = [header.timestamp for header in headers if header is not None and header.payload_type < 96]
        steps = {(after - before) & 0xFFFFFFFF for before, after in itertools.pairwise(sound)}
        assert all(step % 160 == 0 and 0 < step < 8000 * 10 for step in steps)
    assert sum(map(len, chaos.packets.values())) > 3500
    answered = Counter(
        event.playout for bench in chaos.benches for event in bench.events if isinstance(event, PlayDone)
    )
    assert answered == chaos.asked
    assert any(isinstance(event, DigitsSent) for bench in chaos.benches for event in bench.events)
