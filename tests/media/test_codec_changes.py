"""A peer that was offered several codecs sends now one, now another (RFC 3264 section 5.1), and is heard all the time.

The tone goes on through every change, so that what is heard must be that tone, as loud as before, without a step.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs import g722
from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.handover import put_in, take_out
from media.messages import Digit, Echo, Join, OtherCodec, SetStream, Stream
from media.rtp import HEADER, write_header
from tests.media.fake_io import PEER, Bench, stream

TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "L16/8000": 96, "L16/16000": 97}
ENCODE = {"PCMU": ULAW_ENCODE, "PCMA": ALAW_ENCODE}
DECODE = {"PCMU": ULAW_DECODE, "PCMA": ALAW_DECODE}
FREQUENCY, PEAK = 700.0, 8000.0


def offered(codec: str, *others: str, **changes: object) -> Stream:
    """Return a stream in which the peer may send other codecs than the first."""
    more = tuple(OtherCodec(other, TYPES[other], TYPES[other]) for other in others)
    return stream(codec, others=more, **changes)


class Speaker:
    """A peer that says one tone without end, by one clock, whatever it codes it with."""

    def __init__(self, bench: Bench, leg: int, frequencies: tuple[float, ...] = (FREQUENCY,)) -> None:
        self.bench, self.leg, self.frequencies = bench, leg, frequencies
        self.said = 0  # frames
        self.sequence, self.ssrc = 65_530, 7
        self._timestamp = 0xFFFF_FF00
        self._g722 = g722.Encoder()
        self._codec = ""

    def frame(self, rate: int) -> NDArray[np.int16]:
        """Return the tone of this frame."""
        time = (np.arange(rate // 50) + self.said * rate // 50) / rate
        waves = [np.sin(2 * np.pi * frequency * time) for frequency in self.frequencies]
        return np.asarray(PEAK / len(waves) * np.sum(waves, axis=0), np.float64).astype(np.int16)

    def packet(self, codec: str) -> bytes:
        """Make the next packet."""
        rate = {"L16/16000": 16000, "G722": 16000}.get(codec, 8000)
        sound = self.frame(rate)
        if codec == "G722":
            self._g722 = g722.Encoder() if codec != self._codec else self._g722
            payload = self._g722.encode(sound)
        elif codec in ENCODE:
            payload = ENCODE[codec][sound.view(np.uint16)].tobytes()
        else:
            payload = sound.astype(">i2").tobytes()
        clock = 2 if codec == "L16/16000" else 1
        header = write_header(TYPES[codec], self.sequence, (self._timestamp * clock) & 0xFFFFFFFF, self.ssrc)
        self._codec = codec
        self.skip()
        return header + payload

    def skip(self) -> None:
        """Let a packet be lost."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self._timestamp += 160
        self.said += 1

    def say(self, codec: str, frames: int) -> None:
        """Send packets of 20 ms, one each tick."""
        for _ in range(frames):
            self.bench.io.arrive(self.leg, self.packet(codec))
            self.bench.tick()


def heard(bench: Bench, leg: int, codec: str) -> NDArray[np.int16]:
    """Return what a leg has sent since the last look, at 8 or 16 kHz."""
    octets = bench.heard(leg)
    if codec in DECODE:
        return DECODE[codec][np.frombuffer(octets, np.uint8)]
    if codec == "G722":
        return g722.Decoder().decode(octets)
    return np.frombuffer(octets, ">i2").astype(np.int16)


def levels(sound: NDArray[np.int16], rate: int, frequency: float = FREQUENCY) -> NDArray[np.float64]:
    """Return the peak of the tone in each 10 ms."""
    size = rate // 100
    parts = sound[: len(sound) // size * size].reshape(-1, size)
    turn = np.exp(-2j * np.pi * frequency * np.arange(size) / rate)
    return np.asarray(2 * np.abs((parts * turn).mean(axis=1)))


def steps(sound: NDArray[np.int16]) -> float:
    """Return the largest bend between neighbouring samples: a click has a large one."""
    return float(np.abs(np.diff(sound.astype(np.int64), n=2)).max())


RATES = {"PCMU": 8000, "PCMA": 8000, "G722": 16000, "L16/8000": 8000, "L16/16000": 16000}


@pytest.mark.parametrize("agreed", TYPES)
@pytest.mark.parametrize("other", TYPES)
def test_the_tone_goes_on_through_each_change(agreed: str, other: str) -> None:
    bench = Bench()
    leg = bench.open(offered(agreed, *(codec for codec in TYPES if codec != agreed)), locked=False)
    bench.order(Echo(leg, "sound"))
    speaker = Speaker(bench, leg)
    speaker.say(agreed, 20)
    for codec in (other, agreed, other):
        speaker.say(codec, 30)
    sound = heard(bench, leg, agreed)
    rate = RATES[agreed]
    settled = sound[15 * rate // 50 :]
    loud = levels(settled, rate)
    usual = np.median(loud)
    assert usual == pytest.approx(PEAK, rel=0.1)
    assert loud.min() > 0.65 * usual  # codecs are up to 3 ms apart: one fades into the other
    assert loud.max() < 1.1 * usual
    assert steps(settled) < 1.5 * PEAK * (2 * np.pi * FREQUENCY / rate) ** 2 + 2200


@pytest.mark.parametrize("listener", ["PCMU", "PCMA", "G722", "L16/16000"])
@pytest.mark.parametrize("other", ["PCMA", "G722", "L16/16000"])
def test_a_room_hears_each_codec_of_a_member(other: str, listener: str) -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", other), locked=False)
    ear = bench.open(stream(listener), locked=False)
    bench.order(Join(leg, 1))
    bench.order(Join(ear, 1))
    speaker = Speaker(bench, leg)
    for codec in ("PCMU", other, "PCMU", other):
        speaker.say(codec, 40)
    sound = heard(bench, ear, listener)
    loud = levels(sound[len(sound) // 8 :], RATES[listener])
    assert np.median(loud) == pytest.approx(PEAK, rel=0.1)
    assert (
        np.count_nonzero(loud < 0.5 * PEAK) <= 3
    )  # a decoder of G.722 at the far end joins late, as at any start


def test_octets_pass_through_where_the_codecs_of_the_two_directions_fit() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "PCMA"), locked=False)
    ear = bench.open(offered("PCMA", "PCMU"), locked=False)
    for who in (leg, ear):
        bench.order(Join(who, 1))
    speaker, answering = Speaker(bench, leg), Speaker(bench, ear)

    def talk(codec: str, other: str) -> int:
        """Return how many frames 40 ticks have decoded."""
        before = bench.engine.decoded
        for _ in range(40):
            bench.io.arrive(leg, speaker.packet(codec))
            answering.say(other, 1)
        return bench.engine.decoded - before

    assert talk("PCMU", "PCMA") == 80
    assert talk("PCMA", "PCMU") < 80
    assert talk("PCMA", "PCMU") == 0
    assert talk("PCMU", "PCMU") < 80
    assert talk("PCMU", "PCMU") == 40
    sound = heard(bench, leg, "PCMU")
    assert levels(sound[8000:], 8000).min() > 0.8 * PEAK


def test_the_first_packet_may_be_of_any_codec() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "G722"), locked=False)
    bench.order(Echo(leg, "sound"))
    Speaker(bench, leg).say("G722", 40)
    assert levels(heard(bench, leg, "PCMU")[-4000:], 8000).min() > 0.8 * PEAK
    assert bench.engine.receiver.foreign[bench.io.row(leg)] == 0


def test_what_was_not_offered_is_not_heard() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "PCMA"))
    bench.order(Echo(leg, "sound"))
    Speaker(bench, leg).say("G722", 20)
    assert not heard(bench, leg, "PCMU").any()
    assert bench.engine.receiver.foreign[bench.io.row(leg)] == 20


def test_a_packet_that_was_overtaken_by_a_change_is_heard_in_its_place() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "PCMA"), locked=False)
    bench.order(Echo(leg, "sound"))
    speaker = Speaker(bench, leg)
    speaker.say("PCMU", 20)
    late, early = speaker.packet("PCMU"), speaker.packet("PCMA")
    bench.tick()
    bench.io.arrive(leg, early)
    bench.io.arrive(leg, late)
    bench.tick()
    speaker.say("PCMA", 20)
    sound = heard(bench, leg, "PCMU")[10 * 160 :]
    assert levels(sound, 8000).min() > 0.95 * PEAK
    assert steps(sound) < 3 * PEAK * (2 * np.pi * FREQUENCY / 8000) ** 2 + 300


def test_a_lost_packet_at_a_change_is_concealed() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "G722"), locked=False)
    bench.order(Echo(leg, "sound"))
    speaker = Speaker(bench, leg)
    speaker.say("PCMU", 20)
    speaker.skip()
    bench.tick()
    speaker.say("G722", 20)
    assert levels(heard(bench, leg, "PCMU")[10 * 160 :], 8000).min() > 0.25 * PEAK


def test_a_hold_in_between_keeps_the_codec_that_the_peer_sends() -> None:
    bench = Bench()
    agreed = offered("PCMU", "G722")
    leg = bench.open(agreed, locked=False)
    bench.order(Echo(leg, "sound"))
    speaker = Speaker(bench, leg)
    speaker.say("PCMU", 10)
    speaker.say("G722", 20)
    bench.order(SetStream(leg, offered("PCMU", "G722", receive=False)))
    speaker.say("G722", 20)
    bench.order(SetStream(leg, agreed))
    bench.heard(leg)
    speaker.say("G722", 20)
    assert levels(heard(bench, leg, "PCMU")[6 * 160 :], 8000).min() > 0.8 * PEAK
    bench.order(SetStream(leg, offered("PCMU", "G722")))  # a refresh changes nothing
    speaker.say("G722", 20)
    assert levels(heard(bench, leg, "PCMU"), 8000).min() > 0.8 * PEAK
    bench.order(SetStream(leg, stream("PCMU")))  # now only one is offered
    speaker.say("G722", 20)
    assert not heard(bench, leg, "PCMU")[-10 * 160 :].any()


@pytest.mark.parametrize("late", [0, 2, 30])
def test_a_leg_goes_on_in_another_engine(late: int) -> None:
    bench, other = Bench(), Bench()
    leg = bench.open(offered("PCMU", "PCMA"), locked=False)
    bench.order(Echo(leg, "sound"))
    speaker = Speaker(bench, leg)
    speaker.say("PCMU", 10)
    speaker.say("PCMA", 20 + late)
    speaker.say("PCMU", 1)
    luggage = take_out(bench.engine, bench.engine.legs.by_id[leg])
    other.now = bench.now
    put_in(other.engine, luggage, other.now)
    speaker.bench = other
    speaker.say("PCMU", 5)
    speaker.say("PCMA", 20)
    assert levels(heard(other, leg, "PCMU"), 8000).min() > 0.8 * PEAK


def test_a_key_held_through_changes_is_one_digit_and_changes_make_none() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "G722", "L16/16000"), locked=False, inband=True)
    held = Speaker(bench, leg, (770.0, 1336.0))
    for codec in ("PCMU", "G722", "PCMU", "L16/16000"):
        held.say(codec, 10)
    talking = Speaker(bench, leg, (770.0,))
    talking.sequence, talking.said, talking._timestamp = held.sequence, held.said, held._timestamp
    for _ in range(10):
        for codec in ("G722", "PCMU", "L16/16000"):
            talking.say(codec, 4)
    bench.tick(20)
    assert [digit.digit for digit in bench.of(Digit)] == ["5"]


def presses(digits: str) -> Iterator[tuple[int, str]]:
    """Return digits with payload type and clock in turn."""
    for place, digit in enumerate(digits):
        yield (101, 102)[place % 2], digit


def test_telephone_events_of_both_clocks_are_told_once_each() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "L16/16000", other_digits=((102, 16000),)), locked=False)
    speaker = Speaker(bench, leg)
    for number, (kind, digit) in enumerate(presses("123456")):
        codec = "L16/16000" if kind == 102 else "PCMU"
        speaker.say(codec, 10)
        clock = 16000 if kind == 102 else 8000
        timestamp = (
            0x4000_0000 - 100 * number * clock // 50
        ) & 0xFFFFFFFF  # each clock has numbers of its own
        for ms in (20, 40, 60, 60, 60):
            payload = struct.pack("!BBH", int(digit), 10 | (0x80 if ms == 60 else 0), ms * clock // 1000)
            bench.io.arrive(leg, write_header(kind, speaker.sequence, timestamp, 7) + payload)
            speaker.skip()
            bench.tick()
    assert [(digit.digit, digit.source) for digit in bench.of(Digit)] == [
        (digit, "rfc4733") for digit in "123456"
    ]


def test_the_stream_echo_returns_each_codec_by_the_peers_own_number() -> None:
    bench = Bench()
    agreed = stream("PCMU", others=(OtherCodec("PCMA", 108, 8), OtherCodec("G722", -1, 9)))
    leg = bench.open(agreed, locked=False)
    bench.order(Echo(leg, "stream"))
    speaker = Speaker(bench, leg)
    sent = [speaker.packet(codec)[HEADER:] for codec in ("PCMU", "PCMA", "G722", "PCMA")]
    speaker = Speaker(bench, leg)
    bench.sent(leg)
    for codec in ("PCMU", "PCMA", "G722", "PCMA"):
        speaker.say(codec, 1)
    returned = bench.sent(leg)
    assert [header.payload_type for header, _ in returned] == [0, 108, 108]
    assert [payload for _, payload in returned] == [sent[0], sent[1], sent[3]]
    assert all(
        after.sequence == (before.sequence + 1) & 0xFFFF for (before, _), (after, _) in pairwise(returned)
    )


def test_the_source_may_be_learnt_from_any_of_the_codecs() -> None:
    bench = Bench()
    leg = bench.open(offered("PCMU", "PCMA"), locked=False)
    bench.order(Echo(leg, "sound"))
    speaker = Speaker(bench, leg)
    for _ in range(30):
        bench.io.arrive(leg, speaker.packet("PCMA"), (PEER[0], 4444))  # behind a NAT
        bench.tick()
    assert bench.io.locked(leg) == (PEER[0], 4444)
    assert levels(heard(bench, leg, "PCMU")[-3200:], 8000).min() > 0.8 * PEAK
