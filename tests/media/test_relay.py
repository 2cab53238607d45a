"""Digits across a room of two: what the other phone gets on the wire, whatever the first one sent."""

from __future__ import annotations

import numpy as np
import pytest

from media.codecs.g711 import ULAW_DECODE
from media.dtmf import telephone_event
from media.dtmf.inband import InbandDetector
from media.messages import CloseLeg, Digit, Join, Mute, OtherDigits, SetStream, Stream
from media.rtp import Header, write_header
from tests.media.fake_io import Bench, stream

ROOM = 5


class Key:
    """A phone that presses a key: one packet a tick, 20 ms longer each time."""

    def __init__(self, bench: Bench, leg: int, payload_type: int = 101, clock: int = 8000) -> None:
        self.bench, self.leg, self.payload_type, self.step = bench, leg, payload_type, clock // 50
        self.sequence, self.timestamp = 100, 50_000

    def press(self, digit: str, ticks: int, *, lost: tuple[int, ...] = (), ends: int = 3) -> None:
        """Hold a key; `lost` are packets that do not arrive."""
        self.timestamp += 100_000
        for place in range(ticks + ends - 1):
            last = place >= ticks - 1
            payload = telephone_event.pack(
                telephone_event.event_code(digit),
                end=last and ends > 0,
                duration=self.step * min(place + 1, ticks),
            )
            self.sequence += 1
            if place not in lost:
                header = write_header(self.payload_type, self.sequence, self.timestamp, 7, marker=place == 0)
                self.bench.io.arrive(self.leg, header + payload)
            self.bench.tick()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def two(bench: Bench, first: Stream | None = None, second: Stream | None = None) -> tuple[int, int]:
    """Open two legs in a room, past their way in."""
    legs = bench.open(first), bench.open(second)
    for leg in legs:
        bench.order(Join(leg, ROOM))
    bench.tick(3)
    for leg in legs:
        bench.sent(leg)
    return legs


def events(
    bench: Bench, leg: int, payload_type: int = 101
) -> list[tuple[Header, telephone_event.TelephoneEvent]]:
    return [
        (header, telephone_event.unpack(payload))
        for header, payload in bench.sent(leg)
        if header.payload_type == payload_type
    ]


@pytest.mark.parametrize(
    ("theirs", "their_clock", "ours", "our_clock"),
    [(101, 8000, 96, 8000), (96, 48000, 101, 8000), (110, 8000, 97, 48000)],
)
def test_a_digit_has_the_type_and_clock_of_each_side(
    bench: Bench, theirs: int, their_clock: int, ours: int, our_clock: int
) -> None:
    first, second = two(
        bench,
        stream(receive_digit_payload_type=theirs, digit_clock=their_clock),
        stream(send_digit_payload_type=ours, digit_clock=our_clock),
    )
    Key(bench, first, theirs, their_clock).press("7", 6)
    bench.tick(5)
    found = events(bench, second, ours)
    assert {event.digit for _, event in found} == {"7"}
    assert [header.marker for header, _ in found] == [True] + [False] * (len(found) - 1)
    assert len({header.timestamp for header, _ in found}) == 1
    durations = [event.duration * 1000 // our_clock for _, event in found]
    assert durations[:6] == [20, 40, 60, 80, 100, 120]
    assert [event.end for _, event in found[-4:]] == [False, True, True, True]
    assert set(durations[-3:]) == {120}
    assert [digit.digit for digit in bench.of(Digit)] == ["7"]


@pytest.mark.parametrize("lost", [(0, 1), (5, 6, 7), (0, 5, 6, 7), (2,), (0, 1, 2, 3, 4)])
def test_lost_packets_lose_no_digit(bench: Bench, lost: tuple[int, ...]) -> None:
    first, second = two(bench)
    Key(bench, first).press("4", 6, lost=lost)
    bench.tick(15)
    found = events(bench, second)
    assert [event.end for _, event in found].count(True) == 3
    assert found[-1][1].end
    assert len({header.timestamp for header, _ in found}) == 1
    assert found[-1][1].duration >= 320


def test_many_digits_stay_apart_and_in_order(bench: Bench) -> None:
    first, second = two(bench)
    key = Key(bench, first)
    for digit in "1123#":
        key.press(digit, 3)
        bench.tick(2)
    bench.tick(10)
    found = events(bench, second)
    starts = [event.digit for header, event in found if header.marker]
    assert "".join(starts) == "1123#"
    assert len({header.timestamp for header, _ in found}) == 5
    assert sum(event.end for _, event in found) == 15


def test_digits_pressed_faster_than_they_can_be_sent_are_all_sent(bench: Bench) -> None:
    first, second = two(bench)
    key = Key(bench, first)
    for digit in "98765":
        key.press(digit, 1, ends=1)
    bench.tick(40)
    assert "".join(event.digit for header, event in events(bench, second) if header.marker) == "98765"


def test_a_key_held_for_long_is_one_digit_in_segments(bench: Bench) -> None:
    first, second = two(bench)
    key = Key(bench, first)
    for start, ticks in ((0, 409), (65_440, 60)):
        for place in range(ticks):
            end = bool(start) and place == ticks - 1
            payload = telephone_event.pack(5, end=end, duration=160 * (place + 1))
            bench.io.arrive(first, write_header(101, key.sequence + place, 9_000 + start, 7) + payload)
            bench.tick()
        key.sequence += ticks
    bench.tick(8)
    found = events(bench, second)
    assert sum(header.marker for header, _ in found) == 1
    assert sum(event.end for _, event in found) == 3
    assert found[-1][0].timestamp - found[0][0].timestamp + found[-1][1].duration == pytest.approx(
        469 * 160, abs=200
    )


def test_a_leg_without_events_gets_a_tone(bench: Bench) -> None:
    first, second = two(bench, None, stream(send_digit_payload_type=-1))
    Key(bench, first).press("5", 6)
    bench.tick(20)
    sound = ULAW_DECODE[np.frombuffer(bench.heard(second), np.uint8)]
    detector = InbandDetector(1)
    found = [
        hit.digit
        for start in range(0, len(sound), 160)
        for hit in detector.process(np.array([0]), sound[None, start : start + 160])
    ]
    assert found == ["5"]


def test_a_digit_by_signalling_goes_on_too(bench: Bench) -> None:
    first, second = two(bench)
    bench.order(OtherDigits(first, "9"))
    bench.tick(15)
    found = events(bench, second)
    assert found[-1][1].digit == "9"
    assert found[-1][1].duration == 160 * 8


def test_who_is_not_heard_sends_no_digits_on(bench: Bench) -> None:
    first, second = two(bench)
    bench.order(Mute(first, "in"))
    bench.tick(2)
    Key(bench, first).press("3", 4)
    bench.tick(5)
    assert not events(bench, second)
    assert [digit.digit for digit in bench.of(Digit)] == ["3"]


def test_larger_rooms_send_no_digits_on(bench: Bench) -> None:
    first, second = two(bench)
    third = bench.open()
    bench.order(Join(third, ROOM))
    bench.tick(2)
    Key(bench, first).press("3", 4)
    bench.tick(5)
    assert not events(bench, second)
    assert not events(bench, third)
    assert [digit.digit for digit in bench.of(Digit)] == ["3"]


def test_a_digit_ends_when_who_presses_it_is_gone(bench: Bench) -> None:
    first, second = two(bench)
    key = Key(bench, first)
    key.press("3", 4, ends=0)
    bench.order(CloseLeg(first))
    bench.tick(6)
    found = events(bench, second)
    assert [event.end for _, event in found[-3:]] == [True] * 3


def test_sound_goes_on_after_a_digit(bench: Bench) -> None:
    first, second = two(bench)
    key = Key(bench, first)
    for _ in range(10):
        bench.speak(first, b"\x42" * 160)
        bench.tick()
    key.press("1", 3)
    bench.sent(second)
    for _ in range(10):
        bench.speak(first, b"\x42" * 160)
        bench.tick()
    sent = bench.sent(second)
    assert b"\x42" * 160 in [payload for _, payload in sent]
    sequence = [header.sequence for header, _ in sent]
    assert sequence == [(sequence[0] + step) & 0xFFFF for step in range(len(sent))]


@pytest.mark.parametrize("ticks", [2, 12])
def test_a_digit_that_begins_just_as_a_hold_ends_is_sent_on(bench: Bench, ticks: int) -> None:
    one, other = two(bench)
    bench.order(SetStream(other, stream(send=False)))
    bench.tick(10)
    bench.sent(other)
    bench.order(SetStream(other, stream()))
    Key(bench, one).press("7", ticks)
    bench.tick(20)
    sent = events(bench, other)
    assert {event.event for _, event in sent} == {7}
    assert len({header.timestamp for header, _ in sent}) == 1
    assert sum(event.end for _, event in sent) == 3


def test_a_digit_that_is_half_over_when_a_hold_ends_is_not_sent_on(bench: Bench) -> None:
    one, other = two(bench)
    bench.order(SetStream(other, stream(send=False)))
    bench.tick(10)
    key = Key(bench, one)
    key.press("7", 8, ends=0)
    bench.order(SetStream(other, stream()))
    key.timestamp -= 100_000
    bench.sent(other)
    for place in range(8, 12):
        payload = telephone_event.pack(7, end=place == 11, duration=160 * (place + 1))
        bench.io.arrive(one, write_header(101, 200 + place, key.timestamp + 100_000, 7) + payload)
        bench.tick()
    bench.tick(10)
    assert events(bench, other) == []
