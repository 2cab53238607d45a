"""Anything may happen to legs that are recorded: each file is as long as its recording, and nothing is left behind."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from media.engine import Engine
from media.handover import Luggage, put_in, take_out
from media.messages import CloseLeg, Join, Leave, Mute, OtherDigits, Record, SetStream, StopRecord
from media.recorder_disk import Disk
from tests.media.fake_io import Bench, stream

CODECS = ("PCMU", "PCMA", "G722", "L16/16000")
DIRECTIONS = ("in", "out", "both", "mix")
TICKS = 150


class Floor:
    """Two engines with one disk, as in a worker."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.disk = Disk()
        self.benches = [Bench(), Bench()]
        numbers = itertools.count(1)  # of legs and playouts: no two may meet
        for bench in self.benches:
            bench.engine = Engine(bench.io, bench.bank, bench.events.append, disk=self.disk, seed=seed)
            bench._numbers = numbers
        self.home: dict[int, Bench] = {}
        self.running: dict[int, tuple[int, int]] = {}  # leg and first tick by recording
        self.expected: dict[int, int] = {}  # ticks by recording
        self.rates: dict[int, int] = {}
        self.now = 0

    def open(self) -> None:
        bench = self.random.choice(self.benches)
        self.home[bench.open(stream(self.random.choice(CODECS)), locked=False)] = bench

    def anything(self) -> None:
        if not self.home:
            return
        leg, bench = self.random.choice(list(self.home.items()))
        what = self.random.randrange(10)
        if what < 3:
            self.record(leg, bench)
        elif what == 3 and self.running:
            number, (leg, _) = self.random.choice(list(self.running.items()))
            self.home[leg].order(StopRecord(leg, number))
            self.over(number)
        elif what == 4:
            bench.order(Join(leg, self.random.randint(900, 902)))
        elif what == 5:
            bench.order(
                self.random.choice((Leave(leg), Mute(leg, "in"), Mute(leg, ""), OtherDigits(leg, "1")))
            )
        elif what == 6:
            receive = self.random.random() < 0.7
            bench.order(SetStream(leg, stream(self.random.choice(CODECS), receive=receive, send=receive)))
        elif what == 7:
            self.move(leg, bench)
        elif what == 8 and self.random.random() < 0.2:
            bench.order(CloseLeg(leg))
            del self.home[leg]
            for number in [number for number, (owner, _) in self.running.items() if owner == leg]:
                self.over(number)
        else:
            bench.play(leg, self.noise(800), rate=self.random.choice((8000, 16000)))

    def record(self, leg: int, bench: Bench) -> None:
        number = len(self.rates) + 1
        rate = self.rates[number] = self.random.choice((8000, 16000))
        direction = self.random.choice(DIRECTIONS)
        bench.order(Record(leg, number, str(self.folder / f"{number}.wav"), direction, rate, stop_digits="#"))
        self.running[number] = leg, self.now

    def over(self, number: int) -> None:
        _, first = self.running.pop(number)
        self.expected[number] = self.now - first

    def move(self, leg: int, before: Bench) -> None:
        after = self.home[leg] = self.benches[self.benches[0] is before]
        record = before.engine.legs.by_id[leg]
        luggage = msgspec.msgpack.encode(take_out(before.engine, record))
        before.io.close(record.row)
        put_in(after.engine, msgspec.msgpack.decode(luggage, type=Luggage), after.now)

    def tick(self) -> None:
        skipped = self.random.randint(2, 60) if self.random.random() < 0.02 else 0
        for leg, bench in self.home.items():
            if self.random.random() < 0.8:
                bench.speak(leg, self.random.randbytes(160), payload_type=self.random.choice((0, 8, 9)))
        for bench in self.benches:
            bench.tick()
            bench.engine.skip(skipped)
        self.now += 1 + skipped

    def noise(self, samples: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        return np.frombuffer(self.random.randbytes(2 * samples), np.int16)


@pytest.mark.parametrize("seed", range(6))
def test_anything(seed: int, tmp_path: Path) -> None:
    floor = Floor(seed, tmp_path)
    for _ in range(4):
        floor.open()
    for _ in range(TICKS):
        if floor.random.random() < 0.4:
            floor.anything()
        floor.tick()
    for leg, bench in floor.home.items():
        bench.order(CloseLeg(leg))
    for number in [*floor.running]:
        floor.over(number)
    floor.disk.close(10)
    done = {event.recording: event for event in floor.disk.done}
    assert len(floor.disk.done) == len(done) == len(floor.rates) > 5
    for number, ticks in floor.expected.items():
        event = done[number]
        assert (event.length, event.lost) == (20 * ticks, 0), (number, event)
        info = soundfile.info(str(tmp_path / f"{number}.wav"))
        assert (info.frames, info.samplerate) == (ticks * floor.rates[number] // 50, floor.rates[number])
    for bench in floor.benches:
        assert not bench.engine.recorder.busy
        assert not bench.engine.legs.want_said.any()
        assert not bench.engine.legs.want_heard.any()
