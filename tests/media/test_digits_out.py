"""Digits that we send: RFC 4733 on the wire, or tones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from media.codecs.g711 import ULAW_DECODE
from media.codecs.g722 import Decoder
from media.dtmf import telephone_event
from media.dtmf.inband import InbandDetector
from media.messages import Digit, DigitsSent, OpenLeg, PlayDone, SendDigits, SetStream
from media.resample import halve, halve_state
from media.rtp import Header
from tests.media.fake_io import Bench, stream


@pytest.fixture
def bench() -> Bench:
    return Bench()


def events(
    packets: list[tuple[Header, bytes]], kind: int = 101
) -> list[tuple[Header, telephone_event.TelephoneEvent]]:
    return [(header, telephone_event.unpack(body)) for header, body in packets if header.payload_type == kind]


def test_one_digit_on_the_wire(bench: Bench) -> None:
    leg = bench.open()
    bench.tick()
    before = bench.sent(leg)[-1][0]
    bench.order(SendDigits(leg, 5, "7", 100, 80))
    bench.tick(10)
    packets = bench.sent(leg)
    sent = events(packets)
    assert [event.event for _, event in sent] == [7] * 7
    assert [event.duration for _, event in sent] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for _, event in sent] == [False] * 4 + [True] * 3
    assert [header.marker for header, _ in sent] == [True] + [False] * 6
    assert {header.timestamp for header, _ in sent} == {(before.timestamp + 160) & 0xFFFFFFFF}
    numbers = [header.sequence for header, _ in packets]
    assert numbers == [(before.sequence + 1 + place) & 0xFFFF for place in range(len(packets))]
    assert {header.ssrc for header, _ in packets} == {before.ssrc}
    sound = [header for header, _ in packets if header.payload_type == 0]
    assert sound[0].marker and sound[0].timestamp == (before.timestamp + 8 * 160) & 0xFFFFFFFF
    assert bench.of(DigitsSent) == [DigitsSent(leg, 5)]


def test_digits_are_apart_by_the_interval_and_orders_follow_each_other(bench: Bench) -> None:
    leg = bench.open()
    bench.sent(leg)
    bench.order(SendDigits(leg, 1, "12", 60, 100))
    bench.order(SendDigits(leg, 2, "#", 60, 100))
    bench.tick(40)
    sent = events(bench.sent(leg))
    starts = [header.timestamp for header, _ in sent if header.marker]
    assert [event.event for header, event in sent if header.marker] == [1, 2, 11]
    assert [b - a for a, b in pairwise(starts)] == [8 * 160] * 2  # 60 ms and 100 ms
    assert [event.order for event in bench.of(DigitsSent)] == [1, 2]


def test_what_we_send_is_understood_by_what_we_receive_with(bench: Bench) -> None:
    here, there = bench.open(), bench.open()
    bench.order(SendDigits(here, 1, "0123456789*#ABCD", 80, 60))
    for _ in range(16 * 8):
        bench.tick()
        for header, body in bench.sent(here):
            if header.payload_type == 101:
                packet = bytes([0x80, 101]) + header.sequence.to_bytes(2, "big")
                bench.io.arrive(there, packet + header.timestamp.to_bytes(4, "big") + b"\0\0\0\x09" + body)
    assert "".join(event.digit for event in bench.of(Digit)) == "0123456789*#ABCD"


@pytest.mark.parametrize("clock", [16000, 48000])
def test_durations_count_the_agreed_clock(bench: Bench, clock: int) -> None:
    leg = bench.open(stream(digit_clock=clock, send_digit_payload_type=96))
    bench.sent(leg)
    bench.order(SendDigits(leg, 1, "1", 100, 100))
    bench.tick(10)
    assert events(bench.sent(leg), 96)[-1][1].duration == clock // 10


def test_a_digit_longer_than_the_duration_field_goes_in_segments(bench: Bench) -> None:
    leg = bench.open(stream(digit_clock=48000))
    bench.sent(leg)
    bench.order(SendDigits(leg, 1, "1", 3000, 100))
    bench.tick(160)
    sent = events(bench.sent(leg))
    starts = sorted(
        {header.timestamp for header, _ in sent}, key=[header.timestamp for header, _ in sent].index
    )
    assert len(starts) == 3
    assert sum(event.end for _, event in sent) == 3
    assert sent[-1][1].duration == 3 * 48000 - 2 * 0xFFFF
    assert all(event.duration <= 0xFFFF for _, event in sent)


def test_the_prompt_waits_for_the_digits(bench: Bench) -> None:
    leg = bench.open()
    sound = np.full(8000, 4000, np.int16)
    bench.play(leg, sound)
    bench.tick(5)
    bench.order(SendDigits(leg, 1, "12", 60, 60))
    bench.tick(60)
    assert bench.of(PlayDone)[0].position == 1000
    heard = ULAW_DECODE[
        np.frombuffer(b"".join(b for h, b in bench.sent(leg) if h.payload_type == 0), np.uint8)
    ]
    assert np.count_nonzero(heard) == 8000


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_tones_where_the_peer_takes_no_events(bench: Bench, codec: str) -> None:
    leg = bench.open(stream(codec, send_digit_payload_type=-1))
    bench.tick(10)
    bench.sent(leg)
    bench.order(SendDigits(leg, 1, "19*D", 100, 100))
    bench.tick(60)
    octets = bench.heard(leg)
    if codec == "G722":
        wide = Decoder().decode(octets)
        sound, _ = halve(wide[None, : len(wide) // 320 * 320], halve_state(1))
        sound = sound[0]
    else:
        sound = ULAW_DECODE[np.frombuffer(octets, np.uint8)]
    detector = InbandDetector(1)
    found = [
        item.digit
        for start in range(0, len(sound) - 159, 160)
        for item in detector.process(np.array([0]), sound[None, start : start + 160])
    ]
    assert "".join(found) == "19*D"
    assert bench.of(DigitsSent) == [DigitsSent(leg, 1)]


def test_nothing_leaves_while_on_hold_but_time_goes_on(bench: Bench) -> None:
    leg = bench.open(stream(send=False))
    bench.order(SendDigits(leg, 1, "1", 100, 100))
    bench.tick(10)
    assert bench.sent(leg) == []
    assert bench.of(DigitsSent) == [DigitsSent(leg, 1)]


def test_a_new_payload_type_is_used_at_once(bench: Bench) -> None:
    leg = bench.open()
    bench.sent(leg)
    bench.order(SendDigits(leg, 1, "1", 200, 100))
    bench.tick(3)
    bench.order(SetStream(leg, stream(send_digit_payload_type=96)))
    bench.tick(3)
    assert [header.payload_type for header, _ in bench.sent(leg)] == [101] * 3 + [96] * 3


def test_no_digits_is_done_at_once_and_digits_before_the_stream_wait_for_it(bench: Bench) -> None:
    bench.order(OpenLeg(7, 7, False, 0.0))
    bench.order(SendDigits(7, 1, "", 100, 100))
    bench.order(SendDigits(7, 2, "5", 100, 100))
    bench.tick(20)
    assert [event.order for event in bench.of(DigitsSent)] == [1]
    bench.order(SetStream(7, stream()))
    bench.tick(20)
    assert [event.order for event in bench.of(DigitsSent)] == [1, 2]
