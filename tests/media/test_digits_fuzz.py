"""Digits over bad lines: each key press is told exactly once, whatever carried it and whatever was lost of it."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_ENCODE, ULAW_ENCODE
from media.codecs.g722 import Encoder
from media.dtmf.tones import tone
from media.engine import Engine
from media.messages import Digit, DigitsSent, Event, OpenLeg, SendDigits, SetStream, Stream
from tests.media.line import PEER, Arrival, Line, rtp, telephone_events

KEYS = "0123456789*#ABCD"
TICK = 0.02
EVENTS = 101
CODECS = {"PCMU": 0, "PCMA": 8, "G722": 9}


def encode(codec: str, sound: NDArray[np.int16]) -> bytes:
    """Code sound: 16 kHz for G.722, 8 kHz for the others."""
    if codec == "G722":
        return Encoder().encode(sound)
    return (ULAW_ENCODE if codec == "PCMU" else ALAW_ENCODE)[sound.view(np.uint16)].tobytes()


def rate(codec: str) -> int:
    return 16000 if codec == "G722" else 8000


class Switchboard:
    """An engine that listens to several legs; `press` says what comes on each."""

    def __init__(self) -> None:
        self.line = Line()
        self.events: list[Event] = []
        self.engine = Engine(self.line, np.zeros(4000, np.int16), self.events.append, seed=1)
        self.now = 50.0
        self._start = self.now
        self._arrivals: list[list[Arrival]] = []

    def add(self, codec: str, arrivals: list[Arrival], *, inband: bool = True, clock: int = 8000) -> None:
        """Open a leg on which these packets come."""
        leg, kind = len(self._arrivals), CODECS[codec]
        self.engine.order(OpenLeg(leg, slot=leg, inband_digits=inband, rtp_timeout=0), self.now)
        stream = Stream(
            codec, kind, kind, *PEER, PEER[1] + 1, receive_digit_payload_type=EVENTS, digit_clock=clock
        )
        self.engine.order(SetStream(leg, stream), self.now)
        self._arrivals.append(sorted(arrivals, reverse=True))

    def run(self) -> list[list[Digit]]:
        """Play everything and a second more; return the digits of each leg."""
        end = max(arrivals[0].at for arrivals in self._arrivals) + 1
        while self.now < self._start + end:
            self.now += TICK
            for leg, arrivals in enumerate(self._arrivals):
                while arrivals and self._start + arrivals[-1].at <= self.now:
                    self.line.waiting[leg].append(arrivals.pop().packet)
            self.engine.tick(self.now)
        pressed: list[list[Digit]] = [[] for _ in self._arrivals]
        for event in self.events:
            if isinstance(event, Digit):
                pressed[event.leg].append(event)
        return pressed


def spelt(digits: list[Digit]) -> str:
    return "".join(digit.digit for digit in digits)


def keys(rng: np.random.Generator, count: int) -> str:
    """Draw digits; every other one repeats the one before."""
    return "".join(digit * 2 for digit in (KEYS[int(rng.integers(16))] for _ in range(count // 2)))


def survivors(rng: np.random.Generator, packets: list[Arrival], loss: float) -> list[Arrival]:
    """Lose packets of an event, but not all; some come twice, all a little late."""
    kept = [packet for packet in packets if rng.random() >= loss] or [
        packets[int(rng.integers(len(packets)))]
    ]
    kept += [packet for packet in kept if rng.random() < 0.2]
    return [Arrival(packet.at + float(rng.uniform(0, 0.05)), packet.number, packet.packet) for packet in kept]


def speech(
    codec: str, sound: NDArray[np.int16], *, ssrc: int, timestamp: int, loss: float, rng: np.random.Generator
) -> list[Arrival]:
    """Send sound in packets of 20 ms, some of which get lost and all of which are a little late."""
    octets = encode(codec, sound[: len(sound) // (rate(codec) // 50) * (rate(codec) // 50)])
    arrivals: list[Arrival] = []
    for number in range(len(octets) // 160):
        stamp = (timestamp + 160 * number) % (1 << 32)
        packet = rtp(CODECS[codec], number, stamp, ssrc, octets[160 * number : 160 * number + 160])
        if number == 0 or rng.random() >= loss:
            arrivals.append(Arrival(number * 0.02 + float(rng.uniform(0, 0.02)), number, packet))
    return arrivals


def tones(codec: str, digits: str, ms: int, pause: int) -> NDArray[np.int16]:
    """Return the tones of digits after a tenth of a second."""
    hz = rate(codec)
    parts = [np.zeros(hz // 10, np.int16)]
    for digit in digits:
        parts += [tone(digit, ms, hz), np.zeros(hz * pause // 1000, np.int16)]
    return np.concatenate(parts)


@pytest.mark.parametrize("loss", [0.0, 0.3, 0.7, 0.95])
def test_events_are_counted_once_though_most_of_them_is_lost(loss: float) -> None:
    rng = np.random.default_rng(int(loss * 100))
    board, pressed = Switchboard(), []
    for leg in range(12):
        pressed.append(keys(rng, 12))
        clock = 48000 if leg % 3 == 2 else 8000
        events = telephone_events(
            pressed[-1],
            payload_type=EVENTS,
            ssrc=leg + 1,
            sequence=int(rng.choice([0, 65530])),
            timestamp=int(rng.choice([5, 2**32 - 3000])),
            clock=clock,
            pause=150,
            interval=int(rng.choice([20, 50])),
        )
        arrivals = [packet for event in events for packet in survivors(rng, event, loss)]
        # The first packet of all opens the latch: any valid one does.
        arrivals.append(Arrival(-0.02, 0, rtp(0, 9, 9, 99, bytes(160))))
        board.add("PCMU", arrivals, inband=leg % 2 == 0, clock=clock)
    assert [spelt(digits) for digits in board.run()] == pressed


def test_an_event_of_which_all_ends_are_lost_counts_and_so_does_one_without_a_start() -> None:
    board = Switchboard()
    events = telephone_events("12", payload_type=EVENTS, ssrc=1, sequence=1, timestamp=1)
    board.add("PCMU", [*events[0][:-3], *events[1][-3:]])
    assert [spelt(digits) for digits in board.run()] == ["12"]


def test_a_key_held_past_the_longest_duration_is_one_digit() -> None:
    """RFC 4733 section 2.5.1.3: a new segment begins where the one before ended, without a marker."""
    arrivals = []
    ms = 20
    while ms < 12_000:
        segment, duration = divmod(ms * 8, 0xFFFF)
        payload = struct.pack("!BBH", 7, 10 | (0x80 if ms >= 11_900 else 0), duration)
        stamp = 1000 + segment * 0xFFFF
        arrivals.append(Arrival(ms / 1000, ms, rtp(EVENTS, ms // 20, stamp, 5, payload, marker=ms == 20)))
        ms += 20
    board = Switchboard()
    board.add("PCMU", arrivals)
    assert [spelt(digits) for digits in board.run()] == ["7"]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("loss", [0.0, 0.02])
def test_tones_are_counted_once(codec: str, loss: float) -> None:
    rng = np.random.default_rng(3)
    board, pressed = Switchboard(), []
    for leg in range(8):
        pressed.append(keys(rng, 12))
        sound = tones(codec, pressed[-1], 120, 100)
        board.add(codec, speech(codec, sound, ssrc=leg + 1, timestamp=2**32 - 4000, loss=loss, rng=rng))
    heard = board.run()
    assert [spelt(digits) for digits in heard] == pressed
    lengths = [digit.duration for digits in heard for digit in digits]
    assert np.median(lengths) == pytest.approx(120, abs=10)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("shared_ssrc", [True, False])
def test_a_phone_that_sends_both_is_heard_once(codec: str, shared_ssrc: bool) -> None:
    rng = np.random.default_rng(4)
    board, pressed = Switchboard(), []
    for leg in range(8):
        pressed.append(keys(rng, 8))
        sound = tones(codec, pressed[-1], 120, 100)
        stamp = 2**32 - 4000
        arrivals = speech(codec, sound, ssrc=leg + 1, timestamp=stamp, loss=0.02, rng=rng)
        events = telephone_events(
            pressed[-1],
            payload_type=EVENTS,
            ssrc=leg + 1 if shared_ssrc else 500,
            sequence=0,
            timestamp=(stamp + 800) % (1 << 32),
            ms=120,
            pause=100,
        )
        for event in events:
            for packet in survivors(rng, event, 0.3):
                arrivals.append(Arrival(0.1 + packet.at, packet.number, packet.packet))
        board.add(codec, arrivals)
    assert [spelt(digits) for digits in board.run()] == pressed


def test_tones_are_not_listened_to_where_nobody_asked() -> None:
    board = Switchboard()
    rng = np.random.default_rng(5)
    sound = tones("PCMU", "123", 120, 100)
    board.add("PCMU", speech("PCMU", sound, ssrc=1, timestamp=0, loss=0, rng=rng), inband=False)
    assert board.run() == [[]]


@pytest.mark.parametrize(
    "payload", [b"", b"\1", b"\1\2\3", bytes([16, 10, 0, 160]), bytes([255, 0x80, 0, 0])]
)
def test_events_that_are_no_digits_say_nothing(payload: bytes) -> None:
    board = Switchboard()
    board.add(
        "PCMU", [Arrival(0.1 * place, place, rtp(EVENTS, place, 800, 1, payload)) for place in range(5)]
    )
    assert board.run() == [[]]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
@pytest.mark.parametrize("events", [True, False], ids=["events", "tones"])
@pytest.mark.parametrize(("duration", "interval"), [(40, 40), (100, 60), (260, 70)])
def test_the_digits_that_we_send_are_the_digits_that_we_hear(
    codec: str, ptime: int, events: bool, duration: int, interval: int
) -> None:
    send_and_hear("1155*", codec, ptime, duration, interval, events=events)


@pytest.mark.parametrize("events", [True, False], ids=["events", "tones"])
def test_a_digit_of_nine_seconds_is_one(events: bool) -> None:
    send_and_hear("7", "PCMU", 20, 9000, 100, events=events)


def send_and_hear(
    pressed: str, codec: str, ptime: int, duration: int, interval: int, *, events: bool
) -> None:
    """Let one engine send digits and another listen: they are whole, the stream around them stays in order."""
    kind = CODECS[codec]
    line, told = Line(), list[Event]()
    sender = Engine(line, np.zeros(4000, np.int16), told.append, seed=2)
    now = 5.0
    sender.order(OpenLeg(0, slot=0, inband_digits=False, rtp_timeout=0), now)
    stream = Stream(
        codec, kind, kind, *PEER, PEER[1] + 1, ptime=ptime, send_digit_payload_type=EVENTS if events else -1
    )
    sender.order(SetStream(0, stream), now)
    sender.order(SendDigits(0, 77, pressed, duration, interval), now)
    arrivals: list[Arrival] = []
    for _ in range((duration + interval + 100) * len(pressed) // 20 + 20):
        now += TICK
        sender.tick(now)
        arrivals += [Arrival(now - 5, place, packet) for place, packet in enumerate(line.sent[0])]
        line.sent[0] = []
    assert [event.order for event in told if isinstance(event, DigitsSent)] == [77]
    numbers = [int.from_bytes(arrival.packet[2:4]) for arrival in arrivals]
    assert {(after - before) % 65536 for before, after in pairwise(numbers)} == {1}
    sound = [arrival.packet for arrival in arrivals if arrival.packet[1] & 0x7F == kind]
    stamps = [int.from_bytes(packet[4:8]) for packet in sound]
    assert all(0 < (after - before) % 2**32 < 2**31 for before, after in pairwise(stamps))
    board = Switchboard()
    board.add(codec, arrivals)
    (heard,) = board.run()
    assert spelt(heard) == pressed
    if not events:
        assert all(abs(digit.duration - duration) <= 20 for digit in heard)
