"""The beep, ringback and DTMF tones: frequencies, levels, lengths, and edges that do not click."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.dtmf.tones import KEYPAD, tone
from media.tones import amplitude, beep, ringback, sine

RATES = [8000, 16000]


def frequencies(sound: NDArray[np.int16], rate: int) -> list[int]:
    """Return what the sound is made of: peaks within 12 dB of the strongest, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), rate * 2))
    peaks = np.flatnonzero(
        (spectrum[1:-1] > spectrum[:-2])
        & (spectrum[1:-1] >= spectrum[2:])
        & (spectrum[1:-1] > spectrum.max() / 4)
    )
    return [round((place + 1) / 2) for place in peaks]


@pytest.mark.parametrize("rate", RATES)
def test_beep(rate: int) -> None:
    sound = beep(rate)
    assert sound.dtype == np.int16
    assert 0.1 <= len(sound) / rate <= 1
    assert frequencies(sound, rate) == [1000]
    assert abs(int(sound[0])) < 50
    assert abs(int(sound[-1])) < 200


@pytest.mark.parametrize("rate", RATES)
def test_ringback_is_two_seconds_of_six(rate: int) -> None:
    sound = ringback(rate)
    assert len(sound) == 6 * rate
    assert frequencies(sound[: 2 * rate], rate) == [440, 480]
    assert sound[2 * rate - rate // 10 : 2 * rate].any()
    assert not sound[2 * rate :].any()


def test_a_sine_at_the_level_of_full_scale_just_fits() -> None:
    assert amplitude(3.14) == pytest.approx(32124)
    peak = np.abs(sine(1000, 100, 8000, level=0)).max()
    assert 20 * np.log10(32124 / peak) == pytest.approx(3.14, abs=0.01)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("digit", "pair"), [("1", [697, 1209]), ("0", [941, 1336]), ("#", [941, 1477]), ("d", [941, 1633])]
)
def test_dtmf(digit: str, pair: list[int], rate: int) -> None:
    sound = tone(digit, 200, rate)
    assert len(sound) == rate // 5
    assert np.allclose(frequencies(sound, rate), pair, atol=2)


def test_every_key_has_its_own_tone() -> None:
    assert sorted(KEYPAD) == sorted("0123456789*#ABCD")
    assert len({tone(digit, 50, 8000).tobytes() for digit in KEYPAD}) == 16


@pytest.mark.parametrize("wrong", ["", "12", "x", "E"])
def test_what_is_no_digit_has_no_tone(wrong: str) -> None:
    with pytest.raises(ValueError, match="no DTMF digit"):
        tone(wrong, 100, 8000)
