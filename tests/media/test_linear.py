"""L16 legs: samples in network byte order at 8 and 16 kHz, beside legs of other codecs."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.linear import KEPT, Stretches
from media.messages import Digit, Echo, Join, SendDigits
from media.rtp import HEADER, Header, read_header, write_header
from tests.media.fake_io import Bench, stream
from tests.media.test_srtp import Phone, secured

CODECS = {"L16/8000": 8000, "L16/16000": 16000}
TYPES = {"L16/8000": 96, "L16/16000": 97}


def tone(rate: int, seconds: float, frequency: float = 1000.0, peak: float = 8000.0) -> NDArray[np.int16]:
    time = np.arange(int(rate * seconds)) / rate
    return np.round(peak * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def amplitude(sound: NDArray[np.int16], rate: int, frequency: float = 1000.0) -> float:
    """Return the peak of one frequency in sound."""
    turn = np.exp(-2j * np.pi * frequency * np.arange(len(sound)) / rate)
    return float(2 * np.abs(np.mean(sound * turn)))


class Speaker:
    """The peer of an L16 leg."""

    def __init__(self, bench: Bench, leg: int, codec: str, timestamp: int = 0xFFFF_FF00) -> None:
        self.bench, self.leg, self.rate, self.kind = bench, leg, CODECS[codec], TYPES[codec]
        self.sequence, self.timestamp = 65_530, timestamp

    def say(self, sound: NDArray[np.int16], *, ptime: int = 20, skip: bool = False) -> None:
        """Send one packet of int16 sound at the codec's rate."""
        if not skip:
            header = write_header(self.kind, self.sequence, self.timestamp, 7)
            self.bench.io.arrive(self.leg, header + sound.astype(">i2").tobytes())
        self.sequence += 1
        self.timestamp += len(sound)

    def hears(self) -> tuple[list[Header], NDArray[np.int16]]:
        """Return the headers and the sound of what the leg sent since the last look."""
        packets = self.bench.sent(self.leg)
        sound = b"".join(payload for header, payload in packets if header.payload_type == self.kind)
        return [header for header, _ in packets], np.frombuffer(sound, ">i2").astype(np.int16)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("ptime", [10, 20, 30, 40])
def test_packets_have_the_size_and_clock_of_the_codec(codec: str, ptime: int) -> None:
    bench = Bench()
    leg = bench.open(stream(codec, ptime=ptime))
    bench.tick(12)
    packets = bench.sent(leg)
    samples = CODECS[codec] * ptime // 1000
    assert {len(payload) for _, payload in packets} == {2 * samples}
    assert not any(any(payload) for _, payload in packets)
    steps = {
        (after.timestamp - before.timestamp) & 0xFFFFFFFF for (before, _), (after, _) in pairwise(packets)
    }
    assert steps == {samples}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("mode", ["sound", "stream"])
@pytest.mark.parametrize("ptime", [10, 20, 30])
def test_an_echo_returns_the_sound(codec: str, mode: str, ptime: int) -> None:
    bench = Bench()
    leg = bench.open(stream(codec), locked=False)
    bench.order(Echo(leg, mode))
    peer = Speaker(bench, leg, codec)
    sound = tone(peer.rate, 1.2)
    size = peer.rate * ptime // 1000
    for number in range(60):
        for _ in range((number + 1) * 20 // ptime - number * 20 // ptime):
            peer.say(sound[:size])
            sound = sound[size:]
        bench.tick()
    headers, heard = peer.hears()
    assert {header.payload_type for header in headers} == {TYPES[codec]}
    part = heard[-peer.rate // 2 :]
    assert amplitude(part, peer.rate) == pytest.approx(8000, rel=0.01)
    assert np.abs(part).max() <= 8100


def test_16_khz_are_returned_to_the_bit() -> None:
    bench = Bench()
    leg = bench.open(stream("L16/16000"), locked=False)
    bench.order(Echo(leg, "sound"))
    peer = Speaker(bench, leg, "L16/16000")
    said = np.random.default_rng(1).integers(-32768, 32767, (60, 320)).astype(np.int16)
    for frame in said:
        peer.say(frame)
        bench.tick()
    heard = peer.hears()[1].reshape(-1, 320)
    assert (heard[-40:] == said[-42:-2]).all()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("other", ["PCMU", "PCMA", "G722", "L16/8000", "L16/16000"])
def test_a_room_with_a_leg_of_any_codec(codec: str, other: str) -> None:
    bench = Bench()
    legs = bench.open(stream(codec), locked=False), bench.open(stream(other), locked=False)
    third = bench.open(stream("L16/16000"), locked=False)
    for leg in legs:
        bench.order(Join(leg, 1))
    bench.order(Join(third, 2))
    peer = Speaker(bench, legs[0], codec)
    sound = tone(peer.rate, 1.2)
    size = peer.rate // 50
    for number in range(60):
        peer.say(sound[number * size : (number + 1) * size])
        bench.tick()
    bench.order(Join(third, 1))
    again = tone(peer.rate, 1.2)
    for number in range(60):
        peer.say(again[number * size : (number + 1) * size])
        bench.tick()
    ear = Speaker(bench, third, "L16/16000")
    _, heard = ear.hears()
    assert amplitude(heard[-8000:], 16000) == pytest.approx(8000, rel=0.03)
    if other in CODECS:
        _, heard = Speaker(bench, legs[1], other).hears()
        assert amplitude(heard[-CODECS[other] // 2 :], CODECS[other]) == pytest.approx(8000, rel=0.03)
    else:
        assert all(len(set(payload)) > 4 for _, payload in bench.sent(legs[1])[-20:])


@pytest.mark.parametrize("codec", CODECS)
def test_a_prompt_is_heard(codec: str) -> None:
    bench = Bench()
    leg = bench.open(stream(codec))
    bench.play(leg, tone(8000, 1.0))
    bench.tick(50)
    _, heard = Speaker(bench, leg, codec).hears()
    assert amplitude(heard[-CODECS[codec] // 2 :], CODECS[codec]) == pytest.approx(8000, rel=0.03)


@pytest.mark.parametrize("codec", CODECS)
def test_lost_packets_are_concealed(codec: str) -> None:
    bench = Bench()
    leg = bench.open(stream(codec), locked=False)
    bench.order(Echo(leg, "sound"))
    peer = Speaker(bench, leg, codec)
    sound = tone(peer.rate, 1.2)
    size = peer.rate // 50
    for number in range(60):
        peer.say(sound[number * size : (number + 1) * size], skip=number == 40)
        bench.tick()
    frames = peer.hears()[1].reshape(-1, size)
    assert all(np.abs(frame).max() > 2000 for frame in frames[-30:])


@pytest.mark.parametrize("codec", CODECS)
def test_digits_go_both_ways_at_the_clock_of_the_codec(codec: str) -> None:
    bench = Bench()
    clock = CODECS[codec]
    leg = bench.open(stream(codec, digit_clock=clock))
    for number, end in enumerate((0, 0, 0x80, 0x80, 0x80)):
        event = struct.pack("!BBH", 5, end | 10, clock // 50 * (number + 1))
        bench.io.arrive(leg, write_header(101, number, 4000, 7) + event)
        bench.tick()
    assert [event.digit for event in bench.of(Digit)] == ["5"]
    bench.sent(leg)
    before = bench.engine.sender.clock(bench.io.row(leg)) & 0xFFFFFFFF
    bench.order(SendDigits(leg, 1, "7", 100, 60))
    bench.tick(20)
    events = [(header, payload) for header, payload in bench.sent(leg) if header.payload_type == 101]
    assert {header.timestamp for header, _ in events} == {before}
    assert struct.unpack("!BBH", events[-1][1]) == (7, 0x80 | 10, clock // 10)


def test_l16_is_protected_too() -> None:
    bench = Bench()
    leg = bench.open(secured("L16/16000"), locked=False)
    bench.order(Echo(leg, "stream"))
    phone = Phone(bench, leg)
    sound = tone(16000, 0.02).astype(">i2").tobytes()
    for _ in range(5):
        phone.say(sound, 97)
        bench.tick()
    assert [payload for _, payload in phone.hears()] == [sound] * 5


def test_names_that_are_too_old_are_silence() -> None:
    stretches = Stretches(8000)
    names = stretches.store(b"\x01" * 160)
    assert stretches.load(names) == b"\x01" * 160
    for _ in range(KEPT):
        stretches.store(b"\x02" * 160)
    assert stretches.load(names) == bytes(160)
    assert stretches.load(bytes(80)) == bytes(160)
    assert stretches.load(b"\xff" * 80) == bytes(160)
    assert stretches.store(b"\x01" * 159) == b""


def test_garbage_on_an_l16_leg_hurts_nobody() -> None:
    bench = Bench()
    leg = bench.open(stream("L16/16000"))
    bench.order(Echo(leg, "sound"))
    rng = np.random.default_rng(4)
    for number in range(200):
        size = int(rng.integers(0, 1500))
        packet = rng.integers(0, 256, size, np.uint8).tobytes()
        if number % 2:
            packet = write_header(97, number, number * 320, 7) + packet
        bench.io.arrive(leg, packet)
        bench.tick()
    headers, _ = Speaker(bench, leg, "L16/16000").hears()
    assert len(headers) == 201
    assert read_header(b"\x80" * HEADER) is not None
