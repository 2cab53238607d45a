"""What replaces lost sound, and splices without clicks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.conceal import Concealer, cross_fade, drop, hold

ROW = np.array([0])


def sine(hz: float, samples: int, start: int = 0) -> NDArray[np.int16]:
    wave = 8000 * np.sin(2 * np.pi * hz * np.arange(start, start + samples) / 8000)
    sound: NDArray[np.int16] = wave.astype(np.int16)
    return sound


def frame(value: int) -> NDArray[np.int16]:
    return np.full((1, 160), value, np.int16)


def lose(concealer: Concealer, first: bool = True, second: bool = True) -> NDArray[np.int16]:
    sound = frame(77)
    concealer.fill(ROW, sound, np.array([[not first, not second]]))
    heard: NDArray[np.int16] = sound[0]
    return heard


def test_loss_repeats_fades_and_ends_in_silence_after_60_ms() -> None:
    concealer = Concealer(1)
    concealer.fill(ROW, frame(10_000), np.array([[True, True]]))
    heard = np.concatenate([lose(concealer) for _ in range(5)])
    levels = heard.reshape(-1, 80)
    assert (levels == levels[:, :1]).all()
    assert levels[:6, 0].tolist() == [pytest.approx(10_000 * 0.7**n, abs=1) for n in range(1, 7)]
    assert not levels[6:].any()


def test_half_a_lost_frame_keeps_the_other_half() -> None:
    concealer = Concealer(1)
    concealer.fill(ROW, frame(1000), np.array([[True, True]]))
    heard = lose(concealer, first=True, second=False)
    assert heard[:80].tolist() == [700] * 80
    assert heard[80:].tolist() == [77] * 80
    assert lose(concealer)[80] == int(77 * 0.49)


def test_a_leg_that_was_never_heard_is_silent() -> None:
    assert not lose(Concealer(1)).any()


def test_rows_do_not_mix() -> None:
    concealer = Concealer(3)
    rows = np.arange(3)
    sound = np.repeat(np.array([[100], [200], [300]], np.int16), 160, axis=1)
    concealer.fill(rows, sound, np.ones((3, 2), np.bool_))
    sound[:] = 9
    concealer.fill(rows, sound, np.array([[True, True], [False, False], [True, False]]))
    assert sound[:, 0].tolist() == [9, 140, 9]
    assert sound[:, 159].tolist() == [9, 98, 210]


@pytest.mark.parametrize("hz", [200.0, 440.0, 1000.0])
def test_splices_have_the_right_length_and_no_click(hz: float) -> None:
    steepest = np.abs(np.diff(sine(hz, 800).astype(int))).max()
    whole = sine(hz, 1000)
    dropped = np.concatenate([whole[:160], drop(whole[160:400]), whole[400:560]])
    held = np.concatenate([whole[:160], hold(whole[80:160], whole[160:240]), whole[240:400]])
    assert len(dropped) == len(held) == 480
    for spliced in (dropped, held):
        assert np.abs(np.diff(spliced.astype(int))).max() <= 1.3 * steepest


def test_cross_fade_joins_its_ends() -> None:
    faded = cross_fade(np.full(80, 8000, np.int16), np.full(80, -8000, np.int16))
    assert abs(int(faded[0]) - 8000) < 200
    assert abs(int(faded[-1]) + 8000) < 200
    assert (np.diff(faded.astype(int)) < 0).all()


def test_level_and_quiet() -> None:
    concealer = Concealer(2)
    rows = np.arange(2)
    sound = np.stack([np.full(160, 16_384), np.full(160, 50)]).astype(np.int16)
    concealer.fill(rows, sound, np.ones((2, 2), np.bool_))
    assert concealer.level(rows)[0] == pytest.approx(-6.02, abs=0.01)
    assert concealer.is_quiet(rows, 200).tolist() == [False, True]
    assert concealer.level(np.array([1]))[0] == pytest.approx(-56.3, abs=0.1)
    concealer.reset(0)
    assert concealer.level(rows)[0] == -127
