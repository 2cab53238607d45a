from __future__ import annotations

import numpy as np
import pytest

from tests.speech.fake_engines import pitch_of, tone
from voipbin_sip.speech.finish import finish
from voipbin_sip.speech.stretch import stretch

RATE = 24000


def rms(sound: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean((sound / 32768.0) ** 2))))


@pytest.mark.parametrize("target", [8000, 16000])
@pytest.mark.parametrize("level", [0.01, 0.1, 0.9])
def test_every_engine_comes_out_equally_loud(level: float, target: int) -> None:
    sound = finish(tone(440, 1.0, RATE, level), RATE, target, 1.0)
    assert sound.dtype == np.int16
    assert len(sound) == target
    assert rms(sound) == pytest.approx(-20, abs=0.2)
    assert pitch_of(sound, target) == pytest.approx(440, abs=2)


def test_pauses_in_speech_do_not_make_it_louder() -> None:
    silence = np.zeros(RATE, np.float32)
    spoken = tone(440, 1.0, RATE)
    sound = finish(np.concatenate((spoken, silence, spoken)), RATE, 8000, 1.0)
    assert rms(sound[1000:7000]) == pytest.approx(-20, abs=0.3)


def test_silence_around_is_cut_to_fifty_milliseconds() -> None:
    silence = np.zeros(RATE, np.float32)
    sound = finish(np.concatenate((silence, tone(440, 0.5, RATE), silence)), RATE, 8000, 1.0)
    assert len(sound) == pytest.approx(8000 * 0.6, abs=160)
    assert np.abs(sound[:320]).max() < 50
    assert np.abs(sound[500:900]).max() > 1000


def test_peaks_are_held_and_nothing_wraps() -> None:
    sound = tone(440, 1.0, RATE, 0.02)
    sound[::2400] = 0.9
    finished = finish(sound, RATE, 8000, 1.0)
    assert np.abs(finished.astype(int)).max() <= 32767 * 10 ** (-1 / 20) + 1
    assert rms(finished) > -25


@pytest.mark.parametrize(
    "sound", [np.zeros(0, np.float32), np.zeros(5000, np.float32), np.full(100, np.nan, np.float32)]
)
def test_silence_and_nonsense_are_empty(sound: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    assert len(finish(sound, RATE, 8000, 1.0)) == 0


def test_nothing_above_the_telephone_band_folds_down() -> None:
    both = tone(1000, 1.0, RATE) + tone(6000, 1.0, RATE)
    sound = finish(both, RATE, 8000, 1.0).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert spectrum[2000 - 20 : 2000 + 20].max() < spectrum[1000 - 20 : 1000 + 20].max() / 300


@pytest.mark.parametrize("pace", [0.5, 0.8, 1.25, 1.6, 2.0])
def test_stretching_changes_time_and_keeps_pitch_and_level(pace: float) -> None:
    axis = np.arange(2 * RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 130 * harmonic * axis) / harmonic for harmonic in range(1, 12))
    sound = (np.asarray(voice) * 0.1).astype(np.float32)
    changed = stretch(sound, RATE, pace)
    assert len(changed) == pytest.approx(len(sound) / pace, rel=0.001)
    middle = changed[2000:-2000]
    assert pitch_of((middle * 32767).astype(np.int16), RATE) == pytest.approx(130, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(np.sqrt(np.mean(sound**2)), rel=0.06)


def test_very_short_sounds_survive_stretching() -> None:
    for length in (0, 1, 100, 400, 1000):
        assert np.isfinite(stretch(tone(440, length / RATE, RATE), RATE, 1.5)).all()
