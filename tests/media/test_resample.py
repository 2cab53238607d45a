"""Half-band resampling: pass-band, stop-band, delay, and no seam wherever the sound is cut."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.resample import double, double_state, halve, halve_state


def sine(frequency: float, rate: int, samples: int, peak: float = 12000) -> NDArray[np.int16]:
    sound = peak * np.sin(2 * np.pi * frequency / rate * np.arange(samples))
    return np.asarray(np.rint(sound), np.int16)[None]


def level(sound: NDArray[np.int16]) -> float:
    """Return the level of the settled part in dB over 1."""
    settled = sound[0, 200:-200].astype(np.float64)
    return float(10 * np.log10(np.mean(settled**2) + 1e-9))


@pytest.mark.parametrize("frequency", [50, 300, 1000, 2000, 3000, 3200, 3400])
def test_speech_passes_unchanged(frequency: int) -> None:
    down, _ = halve(sine(frequency, 16000, 16000), halve_state(1))
    up, _ = double(sine(frequency, 8000, 8000), double_state(1))
    assert level(down) == pytest.approx(level(sine(frequency, 8000, 8000)), abs=0.1)
    assert level(up) == pytest.approx(level(sine(frequency, 16000, 16000)), abs=0.1)


@pytest.mark.parametrize("frequency", [4600, 4800, 5500, 6000, 7000, 7900])
def test_what_8_khz_cannot_hold_is_50_db_down(frequency: int) -> None:
    sound = sine(frequency, 16000, 16000)
    down, _ = halve(sound, halve_state(1))
    assert level(down) < level(sound) - 50


@pytest.mark.parametrize("frequency", [100, 1000, 2500, 3400])
def test_doubling_makes_no_mirror_image(frequency: int) -> None:
    up, _ = double(sine(frequency, 8000, 8000), double_state(1))
    spectrum = np.abs(np.fft.rfft(up[0, 256 : 256 + 8192] * np.blackman(8192)))
    image = int((8000 - frequency) / 16000 * 8192)
    assert 20 * np.log10(spectrum[image - 4 : image + 5].max() / spectrum.max()) < -50


@pytest.mark.parametrize("cut", [16, 80, 160, 480])
def test_the_output_does_not_depend_on_how_sound_is_cut(cut: int) -> None:
    sound = np.random.default_rng(7).normal(0, 6000, (3, 2880)).astype(np.int16)
    whole_down, _ = halve(sound, halve_state(3))
    whole_up, _ = double(sound, double_state(3))
    down_past, up_past = halve_state(3), double_state(3)
    down, up = [], []
    for start in range(0, 2880, 2 * cut):
        piece, down_past = halve(sound[:, start : start + 2 * cut], down_past)
        down.append(piece)
    for start in range(0, 2880, cut):
        piece, up_past = double(sound[:, start : start + cut], up_past)
        up.append(piece)
    np.testing.assert_array_equal(np.concatenate(down, axis=1), whole_down)
    np.testing.assert_array_equal(np.concatenate(up, axis=1), whole_up)


def test_rows_do_not_touch_each_other() -> None:
    sound = np.zeros((3, 320), np.int16)
    sound[1] = sine(1000, 16000, 320)
    down, _ = halve(sound, halve_state(3))
    assert not down[0].any()
    assert down[1].any()
    assert not down[2].any()


def test_there_and_back_is_late_by_less_than_3_ms() -> None:
    click = np.zeros((1, 480), np.int16)
    click[0, 80] = 20000
    wide, _ = double(click, double_state(1))
    back, _ = halve(wide, halve_state(1))
    assert 80 <= int(np.abs(back[0]).argmax()) <= 80 + 24


def test_full_scale_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(1600) // 8 % 2, 32767, -32768).astype(np.int16)[None]
    up, _ = double(square, double_state(1))
    down, _ = halve(square, halve_state(1))
    assert np.abs(np.diff(up[0].astype(np.int64))).max() < 50000
    assert down.min() == -32768
    assert down.max() == 32767


def test_lengths_that_fit_no_block_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples"):
        halve(np.zeros((1, 330), np.int16), halve_state(1))
    with pytest.raises(ValueError, match="multiples"):
        double(np.zeros((1, 165), np.int16), double_state(1))
