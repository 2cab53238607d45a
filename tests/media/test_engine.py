"""A leg from signalling to its end, tick by tick: sound, packets, hold, echo, time-outs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from media.codecs.g711 import ULAW_DECODE, ULAW_ENCODE
from media.codecs.g722 import Decoder, Encoder
from media.messages import CloseLeg, Digit, Echo, LegClosed, OpenLeg, PlayDone, RtpTimeout, SetStream
from media.rtp import TICK, write_header
from tests.media.fake_io import PEER, Bench, stream

SILENCE = {"PCMU": b"\xff", "PCMA": b"\xd5"}


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_an_idle_leg_sends_silence_without_a_break(bench: Bench, codec: str) -> None:
    leg = bench.open(stream(codec))
    bench.sent(leg)
    bench.tick(10)
    packets = bench.sent(leg)
    assert [payload for _, payload in packets] == [SILENCE[codec] * 160] * 10
    headers = [header for header, _ in packets]
    assert all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in pairwise(headers))
    assert all((b.timestamp - a.timestamp) & 0xFFFFFFFF == 160 for a, b in pairwise(headers))
    assert len({header.ssrc for header in headers}) == 1
    assert not any(header.marker for header in headers)


def test_an_idle_g722_leg_sounds_silent(bench: Bench) -> None:
    leg = bench.open(stream("G722"))
    bench.tick(100)
    packets = bench.sent(leg)
    assert len(packets) == 101
    sound = Decoder().decode(b"".join(payload for _, payload in packets))
    assert np.abs(sound.astype(int)).max() < 40


def test_the_first_packet_is_marked(bench: Bench) -> None:
    leg = bench.open()
    bench.tick()
    assert [header.marker for header, _ in bench.sent(leg)] == [True, False]


def test_nothing_is_sent_before_signalling(bench: Bench) -> None:
    bench.order(OpenLeg(1, 1, False, 0.0))
    bench.tick(5)
    assert bench.sent(1) == []


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 60])
def test_packets_have_the_agreed_length(bench: Bench, ptime: int) -> None:
    leg = bench.open(stream(ptime=ptime))
    bench.sent(leg)
    sound = ULAW_DECODE[np.arange(4800) % 120 + 1]
    bench.play(leg, sound)
    bench.tick(33)
    packets = bench.sent(leg)
    assert {len(payload) for _, payload in packets} == {8 * ptime}
    assert {(b[0].timestamp - a[0].timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)} == {8 * ptime}
    assert {(b[0].sequence - a[0].sequence) & 0xFFFF for a, b in pairwise(packets)} == {1}
    heard = ULAW_DECODE[np.frombuffer(b"".join(payload for _, payload in packets), np.uint8)]
    loud = np.flatnonzero(heard)
    assert np.array_equal(heard[loud[0] : loud[-1] + 1], sound)


def test_a_new_ptime_applies_from_the_next_packet(bench: Bench) -> None:
    leg = bench.open()
    bench.tick(2)
    bench.order(SetStream(leg, stream(ptime=40)))
    bench.tick(4)
    bench.order(SetStream(leg, stream(ptime=20)))
    bench.tick(2)
    packets = bench.sent(leg)
    assert [len(payload) for _, payload in packets] == [160] * 3 + [320] * 2 + [160] * 2
    first = packets[0][0].timestamp
    assert [(header.timestamp - first) & 0xFFFFFFFF for header, _ in packets] == [
        160 * tick for tick in (0, 1, 2, 3, 5, 7, 8)
    ]


def speak_and_listen(bench: Bench, leg: int, octets: list[int], *, payload_type: int = 0) -> bytes:
    for octet in octets:
        bench.speak(leg, bytes([octet]) * 160, payload_type=payload_type)
        bench.tick()
    return bench.heard(leg)


@pytest.mark.parametrize(("codec", "kind"), [("PCMU", 0), ("PCMA", 8)])
def test_echo_returns_the_sound_a_little_later(bench: Bench, codec: str, kind: int) -> None:
    leg = bench.open(stream(codec))
    bench.order(Echo(leg, "sound"))
    bench.sent(leg)
    heard = speak_and_listen(bench, leg, list(range(1, 31)), payload_type=kind)
    frames = [heard[start : start + 160] for start in range(0, len(heard), 160)]
    first = frames.index(b"\x01" * 160)
    assert first <= 3  # 60 ms
    assert frames[first:] == [bytes([octet]) * 160 for octet in range(1, 31 - first)]


def test_echo_of_g722_is_wide(bench: Bench) -> None:
    leg = bench.open(stream("G722"), inband=True)
    bench.order(Echo(leg, "sound"))
    bench.sent(leg)
    sound = (8000 * np.sin(2 * np.pi * 5000 / 16000 * np.arange(320 * 40))).astype(np.int16)
    octets = Encoder().encode(sound)
    for start in range(0, len(octets), 160):
        bench.speak(leg, octets[start : start + 160], payload_type=9)
        bench.tick()
    heard = Decoder().decode(bench.heard(leg))[-6400:]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(6400)))
    assert abs(np.argmax(spectrum) * 16000 / 6400 - 5000) < 5
    assert np.abs(heard.astype(int)).max() > 6000


def test_echo_ends_when_switched_off(bench: Bench) -> None:
    leg = bench.open()
    bench.order(Echo(leg, "sound"))
    speak_and_listen(bench, leg, [9] * 10)
    bench.order(Echo(leg, "off"))
    assert speak_and_listen(bench, leg, [9] * 5) == b"\xff" * 800


def test_stream_echo_returns_packets_digits_included_with_our_numbers(bench: Bench) -> None:
    leg = bench.open(stream(send_payload_type=0, receive_digit_payload_type=96, send_digit_payload_type=101))
    bench.tick(3)
    ours = bench.sent(leg)[-1][0]
    bench.order(Echo(leg, "stream"))
    peer = 5_000_000
    packets = [
        write_header(0, 1, peer, 7) + b"\x11" * 160,
        write_header(0, 2, peer + 160, 7) + b"\x12" * 160,
        write_header(96, 3, peer + 320, 7, marker=True) + b"\x05\x0a\x00\xa0",
        write_header(96, 4, peer + 320, 7) + b"\x05\x8a\x01\x40",
        write_header(0, 5, peer + 640, 7) + b"\x13" * 160,
    ]
    for packet in packets:
        bench.io.arrive(leg, packet)
        bench.tick()
    back = bench.sent(leg)
    assert [payload for _, payload in back] == [packet[12:] for packet in packets]
    headers = [header for header, _ in back]
    assert [header.payload_type for header in headers] == [0, 0, 101, 101, 0]
    assert [header.marker for header in headers] == [False, False, True, False, False]
    assert {header.ssrc for header in headers} == {ours.ssrc}
    assert [(header.sequence - ours.sequence) & 0xFFFF for header in headers] == [1, 2, 3, 4, 5]
    first = headers[0].timestamp
    assert (first - ours.timestamp) & 0xFFFFFFFF == 160
    assert [(header.timestamp - first) & 0xFFFFFFFF for header in headers] == [0, 160, 320, 320, 640]
    assert [event.digit for event in bench.of(Digit)] == ["5"]


def test_stream_echo_gives_way_to_a_playout(bench: Bench) -> None:
    leg = bench.open()
    bench.order(Echo(leg, "stream"))
    bench.sent(leg)
    bench.play(leg, np.full(320, 1000, np.int16))
    bench.speak(leg, b"\x11" * 160)
    bench.tick()
    assert bench.heard(leg) == bytes([ULAW_ENCODE[1000]]) * 160


def test_packets_with_extension_csrc_and_padding_are_heard(bench: Bench) -> None:
    leg = bench.open()
    bench.order(Echo(leg, "sound"))
    bench.sent(leg)
    sound = [bytes([value]) * 160 for value in range(1, 21)]
    for number, octets in enumerate(sound):
        header = bytearray(write_header(0, number, number * 160, 7))
        body = octets
        if number % 4 == 1:
            header[0] |= 0x10
            header += b"\xbe\xde\x00\x01\x10\x00\x00\x00"
        elif number % 4 == 2:
            header[0] |= 0x02
            header += b"\0\0\0\1\0\0\0\2"
        elif number % 4 == 3:
            header[0] |= 0x20
            body += b"\0\0\0\x04"
        bench.io.arrive(leg, bytes(header) + body)
        bench.tick()
    heard = bench.heard(leg)
    start = heard.index(sound[0])
    assert heard[start:] == b"".join(sound)[: len(heard) - start]


def test_hold_sends_nothing_and_hears_nothing_and_resume_goes_on(bench: Bench) -> None:
    leg = bench.open()
    bench.order(Echo(leg, "sound"))
    speak_and_listen(bench, leg, [5] * 5)
    bench.tick()
    before = bench.sent(leg)[-1][0]
    bench.order(SetStream(leg, stream(send=False, receive=False)))
    assert speak_and_listen(bench, leg, [6] * 20) == b""
    bench.order(SetStream(leg, stream()))
    bench.tick()
    after = bench.sent(leg)[0][0]
    assert after.ssrc == before.ssrc
    assert after.marker
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 160 * 21
    heard = speak_and_listen(bench, leg, [7] * 10)
    assert 7 in heard and 6 not in heard and 5 not in heard


def test_a_prompt_goes_on_while_held(bench: Bench) -> None:
    leg = bench.open(stream(send=False))
    bench.play(leg, np.full(1600, 1000, np.int16))
    bench.tick(11)
    assert len(bench.of(PlayDone)) == 1
    assert bench.sent(leg) == []


def test_the_other_codec_is_used_from_the_next_tick(bench: Bench) -> None:
    leg = bench.open()
    bench.order(Echo(leg, "sound"))
    speak_and_listen(bench, leg, [5] * 5)
    before = bench.engine.sender.ssrc[0]
    bench.order(SetStream(leg, stream("PCMA")))
    bench.tick()
    header, payload = bench.sent(leg)[-1]
    assert (header.payload_type, payload, header.ssrc) == (8, b"\xd5" * 160, before)
    assert speak_and_listen(bench, leg, [0x2A] * 8, payload_type=8).endswith(b"\x2a" * 160)


def test_timeout_is_told_once_and_again_after_new_packets(bench: Bench) -> None:
    leg = bench.open(timeout=1.0)
    bench.tick(49)
    assert not bench.of(RtpTimeout)
    bench.tick(2)
    assert bench.of(RtpTimeout) == [RtpTimeout(leg, 1.0)]
    bench.tick(100)
    bench.speak(leg, b"\x11" * 160)
    bench.tick(60)
    assert len(bench.of(RtpTimeout)) == 2


def test_no_timeout_while_on_hold_and_the_clock_starts_anew_on_resume(bench: Bench) -> None:
    leg = bench.open(timeout=1.0)
    bench.order(SetStream(leg, stream(receive=False)))
    bench.tick(200)
    bench.order(SetStream(leg, stream()))
    bench.tick(45)
    assert not bench.of(RtpTimeout)
    bench.tick(10)
    assert len(bench.of(RtpTimeout)) == 1


def test_comfort_noise_keeps_a_leg_alive(bench: Bench) -> None:
    leg = bench.open(timeout=1.0)
    for _ in range(5):
        bench.tick(40)
        bench.speak(leg, b"\x40", payload_type=13)
    assert not bench.of(RtpTimeout)


def test_a_peer_that_never_sends_times_out(bench: Bench) -> None:
    bench.open(timeout=0.5, locked=False)
    bench.tick(30)
    assert len(bench.of(RtpTimeout)) == 1


def test_skipped_ticks_leave_a_gap_in_time_and_no_burst(bench: Bench) -> None:
    leg = bench.open()
    bench.play(leg, ULAW_DECODE[np.arange(1, 1 + 1600) % 120 + 1])
    bench.tick(3)
    bench.engine.skip(5)
    bench.now += 5 * TICK
    bench.tick(3)
    packets = bench.sent(leg)
    assert len(packets) == 7
    first = packets[0][0]
    assert [(header.timestamp - first.timestamp) & 0xFFFFFFFF for header, _ in packets] == [
        160 * tick for tick in (0, 1, 2, 3, 9, 10, 11)
    ]
    assert [(header.sequence - first.sequence) & 0xFFFF for header, _ in packets] == list(range(7))


def test_closing_tells_the_final_counters_and_frees_the_leg(bench: Bench) -> None:
    leg = bench.open()
    for number in range(20):
        bench.speak(leg, b"\x11" * 160, skip=2 if number == 10 else 0)
        bench.tick()
    bench.io.arrive(leg, b"junk")
    bench.tick()
    bench.order(CloseLeg(leg))
    (closed,) = bench.of(LegClosed)
    assert (closed.packets_sent, closed.packets_received, closed.packets_lost) == (22, 20, 2)
    assert closed.packets_foreign == 1
    assert bench.io.closed == [leg]
    bench.tick(3)
    other = bench.open()
    bench.order(CloseLeg(other))
    assert bench.of(LegClosed)[1].packets_received == 0


def test_many_legs_come_and_go_in_any_order(bench: Bench) -> None:
    chance = np.random.default_rng(4)
    alive: list[int] = []
    for _ in range(150):
        alive += [bench.open(locked=False) for _ in range(2)]
        leg = alive.pop(int(chance.integers(len(alive))))
        bench.order(CloseLeg(leg))
        bench.tick()
    for leg in alive:
        bench.sent(leg)
        bench.io.arrive(leg, write_header(0, 1, 0, leg) + bytes([leg % 100]) * 160)
        bench.order(Echo(leg, "sound"))
    bench.tick()
    for leg in alive:
        bench.io.arrive(leg, write_header(0, 2, 160, leg) + bytes([leg % 100 + 1]) * 160)
    bench.tick(3)
    for leg in alive:
        assert bench.heard(leg).endswith(bytes([leg % 100]) * 160 + bytes([leg % 100 + 1]) * 160)


def test_an_ipv6_peer_is_recognised_in_any_spelling(bench: Bench) -> None:
    leg = bench.open(stream(host="2001:DB8:0::1"), locked=False)
    bench.io.arrive(leg, write_header(0, 1, 0, 7) + b"\x11" * 160, ("2001:db8::1", PEER[1]))
    bench.tick()
    assert bench.io.locked(leg) == ("2001:db8::1", PEER[1])
