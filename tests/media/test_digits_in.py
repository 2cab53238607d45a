"""Digits that come in are reported once each, whatever is lost, doubled or said twice."""

from __future__ import annotations

import random

import numpy as np
import pytest

from media.codecs.g711 import ULAW_ENCODE
from media.codecs.g722 import Encoder
from media.dtmf import telephone_event
from media.dtmf.tones import tone
from media.messages import CloseLeg, Digit, OtherDigits, SetStream
from media.rtp import write_header
from tests.media.fake_io import Bench, stream


@pytest.fixture
def bench() -> Bench:
    return Bench()


def event_packets(
    digit: str,
    timestamp: int,
    *,
    sequence: int = 1000,
    ms: int = 100,
    clock: int = 8000,
    kind: int = 101,
    ssrc: int = 7,
) -> list[bytes]:
    """Return one key press as phones send it: a packet each 20 ms, three end packets."""
    code = telephone_event.event_code(digit)
    packets = []
    durations = [length * clock // 1000 for length in range(20, ms + 1, 20)]
    for place, (duration, end) in enumerate([(d, False) for d in durations] + [(durations[-1], True)] * 3):
        header = write_header(kind, sequence + place, timestamp, ssrc, marker=place == 0)
        packets.append(header + telephone_event.pack(code, end=end, duration=duration))
    return packets


def receive(bench: Bench, leg: int, packets: list[bytes], *, each_tick: int = 1) -> None:
    for place in range(0, len(packets), each_tick):
        for packet in packets[place : place + each_tick]:
            bench.io.arrive(leg, packet)
        bench.tick()


def digits(bench: Bench) -> str:
    return "".join(event.digit for event in bench.of(Digit))


def test_a_digit_is_reported_with_its_first_packet(bench: Bench) -> None:
    leg = bench.open()
    receive(bench, leg, event_packets("5", 4000)[:1])
    assert bench.of(Digit) == [Digit(leg, "5", "rfc4733", 0)]
    receive(bench, leg, event_packets("5", 4000)[1:])
    assert digits(bench) == "5"


@pytest.mark.parametrize("kept", [[0], [1, 2], [4, 5, 6], [7], [0, 7], list(range(8)) * 2, [7, 0, 3, 6]])
def test_once_whatever_is_lost_doubled_or_reordered(bench: Bench, kept: list[int]) -> None:
    leg = bench.open()
    packets = event_packets("7", 4000)
    receive(bench, leg, [packets[place] for place in kept])
    assert digits(bench) == "7"


def test_a_digit_known_only_by_its_end_tells_its_length(bench: Bench) -> None:
    leg = bench.open()
    receive(bench, leg, event_packets("7", 4000, ms=120)[-1:])
    assert bench.of(Digit) == [Digit(leg, "7", "rfc4733", 120)]


def test_the_same_key_twice_is_two_digits(bench: Bench) -> None:
    leg = bench.open()
    receive(bench, leg, event_packets("1", 4000) + event_packets("1", 5600, sequence=1100))
    assert digits(bench) == "11"


def test_ends_of_the_digit_before_that_come_late_are_not_news(bench: Bench) -> None:
    leg = bench.open()
    first, second = event_packets("1", 4000), event_packets("2", 5600, sequence=1100)
    receive(bench, leg, first[:4] + second[:2] + first[4:] + second[2:])
    assert digits(bench) == "12"


def test_timestamps_wrap(bench: Bench) -> None:
    leg = bench.open()
    receive(bench, leg, event_packets("1", 0xFFFFFF00) + event_packets("2", 0x700, sequence=1100))
    assert digits(bench) == "12"


def test_a_long_key_press_in_segments_is_one_digit(bench: Bench) -> None:
    leg = bench.open()
    code = telephone_event.event_code("0")
    packets: list[bytes] = []
    for segment in range(3):
        start = 4000 + segment * 0xFFFF
        for duration in (160, 40000, 0xFFFF):
            header = write_header(101, len(packets), start, 7)
            packets.append(header + telephone_event.pack(code, end=False, duration=duration))
    packets.append(
        write_header(101, 99, 4000 + 2 * 0xFFFF, 7) + telephone_event.pack(code, end=True, duration=0xFFFF)
    )
    receive(bench, leg, packets)
    assert digits(bench) == "0"


@pytest.mark.parametrize("kind", [96, 101, 110])
@pytest.mark.parametrize("clock", [8000, 16000, 48000])
def test_payload_type_and_clock_are_those_of_the_agreement(bench: Bench, kind: int, clock: int) -> None:
    leg = bench.open(stream(receive_digit_payload_type=kind, send_digit_payload_type=97, digit_clock=clock))
    receive(bench, leg, event_packets("9", 4000, kind=kind, clock=clock, ms=200)[-3:])
    receive(bench, leg, event_packets("8", 90000, kind=97, clock=clock, sequence=1100))
    assert bench.of(Digit) == [Digit(leg, "9", "rfc4733", 200)]


def test_events_from_another_ssrc_of_the_same_source_count(bench: Bench) -> None:
    leg = bench.open()
    bench.speak(leg, b"\x10" * 160)
    bench.tick()
    receive(bench, leg, event_packets("4", 777, ssrc=99))
    assert digits(bench) == "4"


def test_flash_and_broken_payloads_are_no_digits(bench: Bench) -> None:
    leg = bench.open()
    receive(
        bench,
        leg,
        [write_header(101, 1, 1, 7) + payload for payload in (b"\x10\x0a\x00\xa0", b"\x01\x0a", b"")],
    )
    assert digits(bench) == ""


def test_a_held_leg_hears_no_digits(bench: Bench) -> None:
    leg = bench.open(stream(receive=False), locked=False)
    receive(bench, leg, event_packets("4", 777))
    assert digits(bench) == ""


def test_many_digits_with_random_loss_are_each_counted_once(bench: Bench) -> None:
    chance = random.Random(3)
    leg = bench.open()
    wanted = "".join(chance.choice("0123456789*#ABCD") for _ in range(60))
    for place, digit in enumerate(wanted):
        packets = event_packets(digit, 4000 + place * 1600, sequence=20 * place)
        kept = [packet for packet in packets if chance.random() > 0.6] or [packets[-1]]
        if chance.random() < 0.3:
            chance.shuffle(kept)
        receive(bench, leg, kept + kept[:1])
    assert digits(bench) == wanted


def press(bench: Bench, leg: int, keys: str, *, codec: str = "PCMU") -> None:
    """Let the peer send tones and pauses of 100 ms as sound, and 400 ms of silence at the end."""
    rate = 16000 if codec == "G722" else 8000
    pause = np.zeros(rate // 10, np.int16)
    sound = np.concatenate([part for key in keys for part in (tone(key, 100, rate), pause)] + [pause] * 4)
    octets = Encoder().encode(sound) if codec == "G722" else ULAW_ENCODE[sound.view(np.uint16)].tobytes()
    for start in range(0, len(octets), 160):
        bench.speak(leg, octets[start : start + 160], payload_type=9 if codec == "G722" else 0)
        bench.tick()


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_tones_are_digits_where_no_events_come(bench: Bench, codec: str) -> None:
    leg = bench.open(stream(codec), inband=True)
    press(bench, leg, "15#D0", codec=codec)
    found = bench.of(Digit)
    assert digits(bench) == "15#D0"
    assert {event.source for event in found} == {"inband"}
    assert all(80 <= event.duration <= 120 for event in found)


def test_tones_are_not_listened_to_unless_asked_for(bench: Bench) -> None:
    leg = bench.open(inband=False)
    press(bench, leg, "1")
    assert digits(bench) == ""


@pytest.mark.parametrize("delay", [0, 40, 80, 120])
def test_a_tone_beside_an_event_is_never_doubled(bench: Bench, delay: int) -> None:
    leg = bench.open(inband=True)
    sound = ULAW_ENCODE[
        np.concatenate([tone("6", 100, 8000), np.zeros(3200, np.int16)]).view(np.uint16)
    ].tobytes()
    events = event_packets("6", 4000)
    for number, start in enumerate(range(0, len(sound) - 159, 160)):
        bench.speak(leg, sound[start : start + 160])
        if 0 <= number - delay // 20 < len(events):
            bench.io.arrive(leg, events[number - delay // 20])
        bench.tick()
    assert bench.of(Digit) == [Digit(leg, "6", "rfc4733", 0)]
    press(bench, leg, "7")
    assert digits(bench) == "6"


def test_digits_by_signalling_silence_tones_for_good(bench: Bench) -> None:
    leg = bench.open(inband=True)
    bench.order(OtherDigits(leg, "1"))
    press(bench, leg, "1")
    bench.order(SetStream(leg, stream("PCMU")))
    press(bench, leg, "1")
    assert digits(bench) == ""


@pytest.mark.parametrize("ticks", range(8, 15))
def test_a_leg_that_closes_leaves_no_tone_to_the_next_one(bench: Bench, ticks: int) -> None:
    leg = bench.open(inband=True)
    sound = np.concatenate([tone("1", 100, 8000), np.zeros(1600, np.int16)])
    octets = ULAW_ENCODE[sound.view(np.uint16)].tobytes()
    for start in range(0, ticks * 160, 160):
        bench.speak(leg, octets[start : start + 160])
        bench.tick()
    before = len(bench.of(Digit))
    bench.order(CloseLeg(leg))
    bench.open(inband=True)
    bench.tick(20)
    assert len(bench.of(Digit)) == before
