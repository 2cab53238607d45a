"""What legs play, seen from the packets that leave."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ULAW_DECODE, ULAW_ENCODE
from media.codecs.g722 import Decoder
from media.messages import CloseLeg, Echo, OtherDigits, Play, PlayDone, SetStream, StopPlay
from tests.media.fake_io import Bench, stream


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ramp(samples: int, start: int = 1) -> NDArray[np.int16]:
    """Sound whose every sample survives mu-law and tells where it was: decoded mu-law values in turn."""
    octets = (np.arange(start, start + samples) % 120 + 1).astype(np.uint8)
    sound: NDArray[np.int16] = ULAW_DECODE[octets]
    return sound


def heard(bench: Bench, leg: int) -> NDArray[np.int16]:
    return ULAW_DECODE[np.frombuffer(bench.heard(leg), np.uint8)]


def sounding(sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """Cut silence off both ends."""
    loud = np.flatnonzero(sound)
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound[:0]


@pytest.mark.parametrize("samples", [1, 79, 160, 161, 320, 4000])
def test_a_clip_is_heard_once_from_its_first_to_its_last_sample(bench: Bench, samples: int) -> None:
    leg = bench.open()
    bench.sent(leg)
    sound = ramp(samples)
    playout = bench.play(leg, sound)
    bench.tick(samples // 160 + 3)
    assert np.array_equal(sounding(heard(bench, leg)), sound)
    assert bench.of(PlayDone) == [PlayDone(leg, playout, "end", samples // 8)]


def test_clips_and_playouts_follow_without_a_gap(bench: Bench) -> None:
    leg = bench.open()
    bench.sent(leg)
    parts = [ramp(333, 5), ramp(7, 60), ramp(1001, 9)]
    first = bench.play(leg, parts[0], parts[1])
    second = bench.play(leg, parts[2])
    bench.tick(12)
    assert np.array_equal(sounding(heard(bench, leg)), np.concatenate(parts))
    assert [event.playout for event in bench.of(PlayDone)] == [first, second]


def test_done_comes_in_the_tick_of_the_last_sample(bench: Bench) -> None:
    leg = bench.open()
    bench.play(leg, ramp(320))
    bench.tick()
    assert not bench.of(PlayDone)
    bench.tick()
    assert len(bench.of(PlayDone)) == 1


def test_a_playout_without_sound_is_over_at_once(bench: Bench) -> None:
    leg = bench.open()
    playout = bench.play(leg)
    assert bench.of(PlayDone) == [PlayDone(leg, playout, "end", 0)]
    playout = bench.play(leg, np.zeros(0, np.int16), loop=True)
    assert bench.of(PlayDone)[1:] == [PlayDone(leg, playout, "end", 0)]


def test_loop_goes_on_until_stopped_and_tells_how_long(bench: Bench) -> None:
    leg = bench.open()
    bench.sent(leg)
    sound = ramp(100)
    playout = bench.play(leg, sound, loop=True)
    bench.tick(10)
    assert np.array_equal(heard(bench, leg), np.resize(sound, 1600))
    bench.order(StopPlay(leg, playout))
    assert bench.of(PlayDone) == [PlayDone(leg, playout, "stopped", 200)]
    bench.tick()
    assert not heard(bench, leg).any()


def test_urgent_sound_suspends_what_plays(bench: Bench) -> None:
    leg = bench.open()
    bench.sent(leg)
    prompt, beep = ramp(800), ramp(320, 77)
    slow = bench.play(leg, prompt)
    bench.tick(2)
    urgent = bench.play(leg, beep, urgent=True)
    bench.tick(8)
    expected = np.concatenate([prompt[:320], beep, prompt[320:]])
    assert np.array_equal(sounding(heard(bench, leg)), expected)
    assert [(event.playout, event.position) for event in bench.of(PlayDone)] == [(urgent, 40), (slow, 100)]


def test_a_digit_cuts_within_the_tick_that_brings_it(bench: Bench) -> None:
    leg = bench.open()
    playout = bench.play(leg, ramp(8000), stop_digits="12")
    kept = bench.play(leg, ramp(160), stop_digits="9")
    bench.tick(3)
    bench.sent(leg)
    bench.speak(leg, b"\x01\x0a\x00\xa0", payload_type=101)
    bench.tick()
    assert bench.of(PlayDone)[0] == PlayDone(leg, playout, "digit", 60)
    assert np.array_equal(heard(bench, leg), ramp(160))
    bench.tick()
    assert [event.playout for event in bench.of(PlayDone)] == [playout, kept]


def test_a_digit_by_signalling_cuts_too(bench: Bench) -> None:
    leg = bench.open()
    playout = bench.play(leg, ramp(8000), stop_digits="0123456789*#ABCD")
    bench.tick()
    bench.order(OtherDigits(leg, "#"))
    assert bench.of(PlayDone) == [PlayDone(leg, playout, "digit", 20)]


def test_other_digits_do_not_cut(bench: Bench) -> None:
    leg = bench.open()
    bench.play(leg, ramp(8000), stop_digits="2")
    bench.order(OtherDigits(leg, "1"))
    bench.tick()
    assert not bench.of(PlayDone)


def test_stopping_all_ends_each_once(bench: Bench) -> None:
    leg = bench.open()
    playouts = [bench.play(leg, ramp(800)) for _ in range(3)]
    bench.tick()
    bench.order(StopPlay(leg, 0))
    bench.order(StopPlay(leg, 0))
    bench.order(CloseLeg(leg))
    done = bench.of(PlayDone)
    assert [(event.playout, event.reason) for event in done] == [(number, "stopped") for number in playouts]


def test_closing_the_leg_ends_its_playouts(bench: Bench) -> None:
    leg = bench.open()
    playouts = [bench.play(leg, ramp(800)) for _ in range(2)]
    bench.tick()
    bench.order(CloseLeg(leg))
    assert [(event.playout, event.reason) for event in bench.of(PlayDone)] == [
        (n, "closed") for n in playouts
    ]
    bench.order(Play(leg, 99, []))
    assert bench.of(PlayDone)[-1] == PlayDone(leg, 99, "closed", 0)


def test_a_leg_plays_its_own_sound_among_many(bench: Bench) -> None:
    legs = [bench.open(stream(codec)) for codec in ("PCMU", "PCMA") * 50]
    for leg in legs:
        bench.sent(leg)
        bench.play(leg, np.full(400 + leg, 100 * leg, np.int16))
    bench.tick(4)
    for place, leg in enumerate(legs):
        table = ALAW_DECODE if place % 2 else ULAW_DECODE
        sound = table[np.frombuffer(bench.heard(leg), np.uint8)][: 400 + leg].astype(int)
        assert np.abs(sound - 100 * leg).max() <= 100 * leg // 16
    assert len(bench.of(PlayDone)) == len(legs)


def test_playing_goes_before_the_echo(bench: Bench) -> None:
    leg = bench.open()
    bench.order(Echo(leg, "sound"))
    bench.sent(leg)
    sound = ramp(480)
    bench.play(leg, sound)
    for _ in range(3):
        bench.speak(leg, b"\x55" * 160)
        bench.tick()
    assert np.array_equal(heard(bench, leg), sound)


def tone(hz: float, rate: int, ms: int) -> NDArray[np.int16]:
    time = np.arange(rate * ms // 1000) / rate
    return (8000 * np.sin(2 * np.pi * hz * time)).astype(np.int16)


def pitch(sound: NDArray[np.int16], rate: int) -> float:
    """Return the strongest frequency, Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * rate / len(sound))


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_sound_of_either_rate_keeps_its_pitch_and_length_on_either_kind_of_leg(
    bench: Bench, codec: str, rate: int
) -> None:
    leg = bench.open(stream(codec))
    bench.tick(5)
    bench.sent(leg)
    halves = tone(1000, rate, 205), tone(1000, rate, 195)
    bench.play(leg, *halves, rate=rate)
    bench.tick(25)
    octets = bench.heard(leg)
    leg_rate = 16000 if codec == "G722" else 8000
    out = Decoder().decode(octets) if codec == "G722" else ULAW_DECODE[np.frombuffer(octets, np.uint8)]
    loud = np.flatnonzero(np.abs(out.astype(int)) > 500)
    assert abs((loud[-1] - loud[0]) / leg_rate - 0.4) < 0.004
    assert abs(pitch(out[loud[0] : loud[-1]], leg_rate) - 1000) < 5
    assert bench.of(PlayDone)[-1].position == 400


def test_changing_the_codec_goes_on_with_the_prompt(bench: Bench) -> None:
    leg = bench.open()
    bench.play(leg, tone(1000, 8000, 400))
    bench.tick(10)
    bench.order(SetStream(leg, stream("PCMA")))
    bench.sent(leg)
    bench.tick(5)
    packets = bench.sent(leg)
    assert {header.payload_type for header, _ in packets} == {8}
    sound = ALAW_DECODE[np.frombuffer(b"".join(payload for _, payload in packets), np.uint8)]
    assert abs(pitch(sound, 8000) - 1000) < 20
    bench.tick(5)
    assert bench.of(PlayDone)[-1].position == 400


def test_silence_is_silence(bench: Bench) -> None:
    leg = bench.open()
    bench.play(leg, ramp(160))
    bench.tick(2)
    bench.sent(leg)
    bench.tick(3)
    assert bench.heard(leg) == bytes([ULAW_ENCODE[0]]) * 480
