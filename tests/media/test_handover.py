"""A leg that goes on in another engine: its peer must not be able to tell."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from media.handover import ARRAYS, Luggage, put_in, take_out
from media.messages import (
    ClipRef,
    CloseLeg,
    Digit,
    DigitsSent,
    Echo,
    Event,
    LegClosed,
    OpenLeg,
    Play,
    PlayDone,
    SendDigits,
)
from media.messages import Order as AnyOrder
from tests.media.fake_io import PEER, Bench, stream

# Made anew from what is carried, or set when a room is entered.
DERIVED = {
    "legs": {"want_said", "want_heard", "is_ear"},
    "player": {"busy", "mix", "_rate", "_at", "_left"},
    "sender": {"_be16", "_be32"},
    "mixer": {"passing", "copied", "_past"},
    "mixer.gains": {"say", "hear", "say_next", "hear_next", "hears"},
}


class Pair:
    """Two engines that tick together; `move` takes a leg from the one that it is in to the other."""

    def __init__(self) -> None:
        self.benches = [Bench(), Bench()]
        self.home: dict[int, Bench] = {}

    @property
    def events(self) -> list[Event]:
        return self.benches[0].events + self.benches[1].events

    def open(self, codec: str = "PCMU") -> int:
        leg = self.benches[0].open(stream(codec))
        self.benches[1].tick()
        self.home[leg] = self.benches[0]
        return leg

    def move(self, leg: int) -> None:
        before = self.home[leg]
        after = self.home[leg] = self.benches[self.benches[0] is before]
        locked = before.io.locked(leg)
        record = before.engine.legs.by_id[leg]
        luggage = msgspec.msgpack.encode(take_out(before.engine, record))
        before.io.close(record.row)
        after.now = before.now
        put_in(after.engine, msgspec.msgpack.decode(luggage, type=Luggage), after.now)
        assert after.io.locked(leg) == locked == PEER
        for memory in ("_sequence", "_timestamp"):
            getattr(after, memory)[leg] = getattr(before, memory)[leg]
        after.io.sent[leg] = before.io.sent.pop(leg)

    def order(self, leg: int, order: AnyOrder) -> None:
        self.home[leg].order(order)

    def tick(self) -> None:
        for bench in self.benches:
            bench.tick()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def run(moves: set[int], codec: str) -> tuple[list[bytes], list[Event]]:
    """Let a leg echo, play and send digits for 100 ticks, moving at some; return what it sent and told."""
    pair = Pair()
    leg = pair.open(codec)
    kind = {"PCMU": 0, "PCMA": 8}[codec]
    for bench in pair.benches:
        bench.bank[:8000] = (3000 * np.sin(np.arange(8000) / 7)).astype(np.int16)
    rng = np.random.default_rng(5)
    pair.order(leg, Echo(leg, "sound"))
    for tick in range(100):
        if tick == 30:
            pair.order(leg, Play(leg, 2, [ClipRef(0, 4000, 8000)], stop_digits="9"))
        if tick == 75:
            pair.order(leg, SendDigits(leg, 1, "12", 60, 60))
        if tick in moves:
            pair.move(leg)
        if rng.random() < 0.95:
            pair.home[leg].speak(leg, rng.integers(0, 256, 160, np.uint8).tobytes(), payload_type=kind)
        pair.tick()
    sent = [packet for packet, _ in pair.home[leg].io.sent[leg]]
    pair.order(leg, CloseLeg(leg))
    return sent, [event for event in pair.events if isinstance(event, PlayDone | DigitsSent | LegClosed)]


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_what_a_leg_sends_does_not_depend_on_where_it_is(codec: str) -> None:
    stays, told = run(set(), codec)
    moves, told_too = run({10, 40, 41, 90}, codec)
    # Each engine has random numbers of its own: the SSRC came from the first one both times.
    assert [packet[12:] for packet in moves] == [packet[12:] for packet in stays]
    assert [packet[:12] for packet in moves] == [packet[:12] for packet in stays]
    assert sorted(map(repr, told_too)) == sorted(map(repr, told))


def test_a_telephone_event_heard_before_the_move_is_not_told_again() -> None:
    pair = Pair()
    leg = pair.open()
    packet = b"\x80\x65\x00\x01\x00\x00\x10\x00\x00\x00\x00\x07\x05\x0a\x00\xa0"
    pair.home[leg].io.arrive(leg, packet)
    pair.tick()
    pair.move(leg)
    pair.home[leg].io.arrive(leg, packet)
    pair.tick()
    assert len(pair.of(Digit)) == 1


def test_a_leg_that_has_no_stream_yet_moves_too() -> None:
    pair = Pair()
    first, second = pair.benches
    first.order(OpenLeg(50, 50, True, 0.0))
    luggage = take_out(first.engine, first.engine.legs.by_id[50])
    put_in(second.engine, luggage, second.now)
    assert 50 not in first.engine.legs.by_id
    assert second.engine.legs.by_id[50].stream is None


def test_every_array_of_a_row_is_carried_or_known_to_be_derived() -> None:
    engine = Bench().engine
    parts = {name: value for name, value in vars(engine).items() if name not in ("_io", "_batch")}
    parts["mixer.gains"] = engine.mixer.gains
    before = {name: arrays(part) for name, part in parts.items()}
    engine.grow()
    for name, part in parts.items():
        after = arrays(part)
        grown = {array for array, size in before[name].items() if after[array] != size}
        assert grown == set(ARRAYS.get(name.lstrip("_"), ())) | DERIVED.get(name, set()), name


def arrays(part: object) -> dict[str, int]:
    """Return the arrays of a part of an engine, and how long they are."""
    found = getattr(part, "__dict__", {})
    return {name: len(value) for name, value in found.items() if isinstance(value, np.ndarray)}
