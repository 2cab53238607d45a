"""Taps in the engine: what they listen to, where they speak, and what becomes of packets that do not fit."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ULAW_DECODE, ULAW_ENCODE
from media.handover import Luggage, put_in, take_out
from media.messages import (
    ClearTap,
    CloseLeg,
    CloseTap,
    Echo,
    Join,
    Mute,
    OpenTap,
    SetStream,
    TapClosed,
    TapRtp,
)
from media.rtp import read_header, write_header
from tests.media.fake_io import Bench, stream

TONE, VOICE = 0x30, 8000  # an octet of mu-law that phones say, samples that taps say
SAID = int(ULAW_DECODE[TONE])


class Far:
    """The other end of a tap."""

    def __init__(self, bench: Bench, leg: int, listen: str, speak: str, **terms: object) -> None:
        self.bench = bench
        self.socket, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        self.leg, self.number = leg, 900 + len(bench.engine.taps.of) + 10 * leg
        bench.engine.taps.offer(self.number, near)
        bench.order(OpenTap(leg, self.number, listen, speak, **terms))  # type: ignore[arg-type]

    def packets(self) -> list[bytes]:
        found: list[bytes] = []
        while True:
            try:
                packet = self.socket.recv(1 << 16)
            except BlockingIOError:
                return found
            if not packet:
                return found
            found.append(packet)

    def heard(self) -> NDArray[np.int16]:
        """The last packet as samples."""
        return np.frombuffer(self.packets()[-1], "<i2")

    def say(self, value: int = VOICE, ticks: int = 1, rate: int = 8000) -> None:
        self.socket.send(np.full(ticks * rate // 50, value, "<i2").tobytes())

    def end(self) -> TapClosed:
        self.bench.order(CloseTap(self.leg, self.number))
        return self.bench.of(TapClosed)[-1]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for leg in [*bench.engine.legs.by_id]:
        bench.order(CloseLeg(leg))


def talk(bench: Bench, *legs: int, ticks: int = 8, codec: int = 0, octet: int = TONE) -> None:
    for _ in range(ticks):
        for leg in legs:
            bench.speak(leg, bytes([octet]) * 160, payload_type=codec)
        bench.tick()


def close_to(sound: NDArray[np.int16], value: int) -> bool:
    return bool(np.abs(sound[-40:].astype(int) - value).max() <= max(40, abs(value) // 20))


def hears(bench: Bench, leg: int) -> NDArray[np.int16]:
    return ULAW_DECODE[np.frombuffer(bench.sent(leg)[-1][1], np.uint8)]


def test_a_tap_hears_what_the_leg_says_and_one_packet_comes_each_tick(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "in", "")
    talk(bench, leg, ticks=10)
    packets = far.packets()
    assert [len(packet) for packet in packets] == [320] * 10
    assert close_to(np.frombuffer(packets[-1], "<i2"), SAID)


def test_silence_is_sent_too(bench: Bench) -> None:
    far = Far(bench, bench.open(), "both", "")
    bench.tick(3)
    assert far.packets() == [bytes(320)] * 3


def test_a_tap_hears_what_is_played_to_the_leg(bench: Bench) -> None:
    leg = bench.open()
    heard, said = Far(bench, leg, "out", ""), Far(bench, leg, "in", "")
    bench.play(leg, np.full(8000, 3000, np.int16))
    bench.tick(5)
    assert close_to(heard.heard(), 3000)
    assert not said.heard().any()


def test_both_directions_come_added_up(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "both", "")
    bench.play(leg, np.full(8000, 3000, np.int16))
    talk(bench, leg)
    assert close_to(far.heard(), SAID + 3000)


def test_the_leg_hears_a_tap_that_does_not_hear_itself(bench: Bench) -> None:
    leg = bench.open()
    far, other = Far(bench, leg, "both", "out"), Far(bench, leg, "both", "")
    far.say(ticks=20)
    bench.tick(10)
    assert close_to(hears(bench, leg), VOICE)
    assert not far.heard().any()
    assert close_to(other.heard(), VOICE)


def test_a_tap_speaks_over_what_is_played(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "out", "out")
    bench.play(leg, np.full(8000, 3000, np.int16))
    far.say(ticks=20)
    bench.tick(10)
    assert close_to(hears(bench, leg), VOICE + 3000)
    assert close_to(far.heard(), 3000)


@pytest.mark.parametrize(("speak", "by_leg", "by_other"), [("in", 0, 1), ("out", 1, 0), ("both", 1, 1)])
def test_who_hears_a_tap_in_a_bridge(bench: Bench, speak: str, by_leg: int, by_other: int) -> None:
    leg, other = bench.open(), bench.open()
    for member in (leg, other):
        bench.order(Join(member, 5))
    far = Far(bench, leg, "both", speak)
    talk(bench, other, ticks=4)
    far.say(ticks=30)
    talk(bench, other, ticks=10)
    assert close_to(hears(bench, leg), SAID + by_leg * VOICE)
    assert close_to(hears(bench, other), by_other * VOICE)
    assert close_to(far.heard(), SAID)


def test_a_bridge_is_copied_again_when_its_tap_is_gone(bench: Bench) -> None:
    leg, other = bench.open(), bench.open()
    for member in (leg, other):
        bench.order(Join(member, 5))
    far = Far(bench, leg, "both", "both")
    talk(bench, leg, other, ticks=10)
    assert not bench.engine.mixer.copied.any()
    far.end()
    talk(bench, leg, other, ticks=10)
    assert np.count_nonzero(bench.engine.mixer.copied) == 2


@pytest.mark.parametrize("codec", ["G722", "L16/8000", "L16/16000", "PCMA"])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_any_codec_at_any_rate(bench: Bench, codec: str, rate: int) -> None:
    """What one leg is told by its tap comes out at the tap of the one that it is bridged with."""
    leg, other = bench.open(stream(codec)), bench.open(stream(codec))
    for member in (leg, other):
        bench.order(Join(member, 5))
    speaker, listener = Far(bench, leg, "", "in", rate=rate), Far(bench, other, "out", "", rate=rate)
    for _ in range(30):
        speaker.say(rate=rate)
        bench.tick()
    sound = listener.heard()
    assert len(sound) == rate // 50
    assert close_to(sound, VOICE)


def test_who_is_muted_does_not_hear_the_tap(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "out", "out")
    bench.order(Mute(leg, "out"))
    far.say(ticks=20)
    bench.tick(10)
    assert not hears(bench, leg).astype(int)[abs(hears_last(bench, leg)) > 8].any()
    assert not far.heard().any()


def hears_last(bench: Bench, leg: int) -> NDArray[np.int16]:
    bench.tick()
    return hears(bench, leg)


def test_a_leg_without_a_phone_speaks_and_listens_for_a_room(bench: Bench) -> None:
    legs = [bench.open() for _ in range(3)]
    ear = bench.open(locked=False)
    bench.order(SetStream(ear, stream(host="0.0.0.0", send=False, receive=False)))
    for member in (*legs, ear):
        bench.order(Join(member, 5))
    far = Far(bench, ear, "out", "in", room=True)
    far.say(ticks=40)
    talk(bench, legs[0], legs[1], ticks=12)
    assert close_to(far.heard(), 2 * SAID)
    assert close_to(hears(bench, legs[0]), SAID + VOICE)
    assert close_to(hears(bench, legs[2]), 2 * SAID + VOICE)


def test_a_burst_is_heard_whole_and_in_real_time(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "", "out")
    sound = (np.arange(1, 31) * 1000).astype("<i2").repeat(160)
    for start in range(0, len(sound), 480):
        far.socket.send(sound[start : start + 480].tobytes())
    bench.tick(40)
    heard = [int(ULAW_DECODE[payload[0]]) for _, payload in bench.sent(leg)]
    spoken = [value for value in heard if value > 300]
    assert len(spoken) == 30
    assert spoken == [int(ULAW_DECODE[ULAW_ENCODE[value * 1000]]) for value in range(1, 31)]


def test_what_waits_in_the_worker_is_cleared(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "", "out")
    far.say(ticks=50)
    bench.tick(5)
    bench.order(ClearTap(leg, far.number))
    bench.sent(leg)
    bench.tick(3)
    assert max(abs(int(ULAW_DECODE[payload[0]])) for _, payload in bench.sent(leg)) < 16


def test_a_reader_that_stands_still_loses_packets_and_they_are_counted(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "both", "")
    far.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bench.tick(2000)
    closed = far.end()
    assert closed.sent + closed.dropped == 2000
    assert closed.dropped > 0


def test_rtp_out_is_numbered_stamped_and_marked(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "in", "", rtp=TapRtp("PCMU", 0, 77))
    talk(bench, leg, ticks=6)
    headers = [read_header(packet) for packet in far.packets()]
    assert [(h.sequence, h.timestamp, h.ssrc, h.marker) for h in headers if h is not None] == [
        (number, 160 * number, 77, number == 0) for number in range(6)
    ]


def test_time_goes_on_over_ticks_that_were_skipped(bench: Bench) -> None:
    far = Far(bench, bench.open(), "in", "", rtp=TapRtp("L16", 118, 77), rate=16000)
    bench.tick()
    bench.engine.skip(5)
    bench.tick()
    headers = [read_header(packet) for packet in far.packets()]
    assert [(h.sequence, h.timestamp) for h in headers if h is not None] == [(0, 0), (1, 6 * 320)]


@pytest.mark.parametrize(("codec", "kind"), [("PCMU", 0), ("PCMA", 8), ("L16", 11)])
def test_rtp_in_is_played(bench: Bench, codec: str, kind: int) -> None:
    leg = bench.open()
    far = Far(bench, leg, "both", "out", rtp=TapRtp(codec, kind, 77))
    echo = Far(bench, leg, "out", "", rtp=TapRtp(codec, kind, 78))
    bench.play(leg, np.full(16000, 3000, np.int16))
    bench.tick(3)
    payload = echo.packets()[-1][12:]
    for number in range(20):
        far.socket.send(write_header(kind, number + 65_530, 160 * number, 9) + payload)
        bench.tick()
    assert close_to(hears(bench, leg), 6000)


def test_strange_late_and_too_many_rtp_packets_are_dropped_and_counted(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "", "out", rtp=TapRtp("PCMU", 0, 77))
    good = [write_header(0, number, 160 * number, 9) + bytes(160) for number in (5, 6, 7)]
    bad = [b"", b"x", b"\x80\xc8" + bytes(30), good[0][:11], write_header(8, 8, 0, 9) + bytes(160), good[1]]
    for packet in (*good, *bad[1:]):
        far.socket.send(packet)
    bench.tick(3)
    closed = far.end()
    assert (closed.received, closed.dropped) == (8, 5)


def test_more_than_two_seconds_of_rtp_drop_the_oldest(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "", "out", rtp=TapRtp("PCMU", 0, 77))
    for number in range(160):
        far.socket.send(write_header(0, number, 160 * number, 9) + bytes([TONE]) * 160)
        if number % 14 == 13:
            bench.tick()
    bench.tick(150)
    spoken = sum(abs(int(ULAW_DECODE[payload[0]])) > 100 for _, payload in bench.sent(leg))
    assert 50 <= spoken <= 120
    assert far.end().dropped


def test_digits_in_what_a_tap_says_are_not_the_legs(bench: Bench) -> None:
    leg = bench.open(stream(receive_digit_payload_type=-1), inband=True)
    far = Far(bench, leg, "in", "both")
    time = np.arange(3200) / 8000
    five = (8000 * (np.sin(2 * np.pi * 770 * time) + np.sin(2 * np.pi * 1336 * time))).astype("<i2")
    for start in range(0, 3200, 160):
        far.socket.send(five[start : start + 160].tobytes())
        bench.tick()
    bench.tick(10)
    assert [event for event in bench.events if type(event).__name__ == "Digit"] == []


def test_an_echo_goes_on_beside_a_tap(bench: Bench) -> None:
    leg = bench.open()
    bench.order(Echo(leg, "sound"))
    far = Far(bench, leg, "in", "out")
    far.say(ticks=30)
    talk(bench, leg, ticks=10)
    assert close_to(hears(bench, leg), SAID + VOICE)
    assert close_to(far.heard(), SAID)


def test_the_end_of_the_leg_closes_the_socket(bench: Bench) -> None:
    leg = bench.open()
    far = Far(bench, leg, "both", "both")
    bench.order(CloseLeg(leg))
    assert far.socket.recv(100) == b""
    assert not bench.engine.taps


def test_a_tap_for_a_leg_that_is_gone_is_refused(bench: Bench) -> None:
    far = Far(bench, 99, "both", "both")
    assert bench.of(TapClosed) == [TapClosed(99, far.number, 0, 0, 0)]
    assert far.socket.recv(100) == b""


@pytest.mark.parametrize("codecs", [("G722", "G722", "G722"), ("G722", "G722", "PCMU"), ("PCMU", "G722")])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_room_of_wideband_phones(bench: Bench, codecs: tuple[str, ...], rate: int) -> None:
    """What the leg without a phone says reaches all, and comes back through a tap on any of them."""
    legs = [bench.open(stream(codec)) for codec in codecs]
    ear = bench.open(locked=False)
    bench.order(SetStream(ear, stream(host="0.0.0.0", send=False, receive=False)))
    for member in (*legs, ear):
        bench.order(Join(member, 5))
    room = Far(bench, ear, "out", "in", rate=rate, room=True)
    listeners = [Far(bench, leg, "out", "in" if leg == legs[0] else "", rate=rate) for leg in legs]
    for _ in range(20):
        room.say(3000, rate=rate)
        listeners[0].say(5000, rate=rate)
        bench.tick()
    assert close_to(room.heard(), 5000)
    assert [close_to(far.heard(), 3000 if far is listeners[0] else VOICE) for far in listeners] == [
        True
    ] * len(legs)


def test_a_tap_goes_on_in_another_worker_where_it_was(bench: Bench) -> None:
    """The leg is taken to another engine as a message; its tap's socket comes after it."""
    leg = bench.open()
    far = Far(bench, leg, "in", "out", rtp=TapRtp("PCMU", 0, 77))
    for number in range(10):
        far.socket.send(write_header(0, number, 160 * number, 9) + bytes([TONE]) * 160)
    bench.tick(5)
    last = read_header(far.packets()[-1])
    assert last is not None
    luggage = msgspec.msgpack.encode(take_out(bench.engine, bench.engine.legs.by_id[leg]))
    assert far.socket.recv(100) == b""
    other = Bench()
    put_in(other.engine, msgspec.msgpack.decode(luggage, type=Luggage), other.now)
    again, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other.engine.taps.offer(far.number, near)
    other.order(OpenTap(leg, far.number, "in", "out", rtp=TapRtp("PCMU", 0, 77)))
    other.tick(4)
    header = read_header(again.recv(2000))
    assert header is not None
    assert (header.sequence, header.timestamp) == (last.sequence + 1, last.timestamp + 160)
    assert bytes([TONE]) * 160 in other.heard(leg)
    other.order(CloseLeg(leg))
