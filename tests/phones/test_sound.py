"""The analysis of recordings, on sounds that are known."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.phones import prompts, sound

RATE = prompts.RATE


def noise(seconds: float, level: float = 0.1) -> npt.NDArray[np.float64]:
    return np.random.default_rng(7).normal(0, level, int(seconds * RATE))


def quiet(seconds: float) -> npt.NDArray[np.float64]:
    return np.zeros(int(seconds * RATE))


@pytest.mark.parametrize("frequency", sorted(prompts.TONES.values()))
def test_each_prompt_is_recognised(frequency: int) -> None:
    found = sound.stretches(np.concatenate([quiet(0.5), prompts.tone(frequency, 1.0), quiet(0.5)]), RATE)
    assert [stretch.kind for stretch in found] == ["silence", "tone", "silence"]
    assert abs(found[1].frequency - frequency) < 10
    assert abs(found[1].start - 0.5) < 0.05
    assert abs(found[1].seconds - 1.0) < 0.1
    assert prompts.places(sound.tones(found)) == prompts.places([frequency])


def test_speech_lasts_from_its_first_sound_to_its_first_long_pause() -> None:
    found = sound.stretches(
        np.concatenate(
            [quiet(0.4), noise(0.8), quiet(0.3), noise(0.5), quiet(1.5), noise(0.2), prompts.tone(600, 1.0)]
        ),
        RATE,
    )
    assert abs(sound.speech(found) - 1.6) < 0.1
    assert sound.tones(found) == [600]


def test_tones_of_different_frequency_side_by_side_are_two() -> None:
    found = sound.stretches(np.concatenate([prompts.tone(480, 1.0), prompts.tone(1040, 1.0)]), RATE)
    assert sound.tones(found) == [480, 1040]


def test_the_same_tone_after_a_gap_is_two_but_a_click_does_not_cut_it() -> None:
    one = prompts.tone(480, 1.0)
    clicked = one.copy()
    clicked[4000:4040] = 0.9
    assert sound.tones(sound.stretches(np.concatenate([one, quiet(0.3), one]), RATE)) == [480, 480]
    assert sound.tones(sound.stretches(clicked, RATE)) == [480]


def test_dtmf_is_sound_and_no_tone() -> None:
    assert sound.tones(sound.stretches(prompts.dtmf("159", seconds=0.5), RATE)) == []


def test_silence_holds_only_without_any_sound() -> None:
    samples = np.concatenate([quiet(1.0), noise(0.05), quiet(1.0)])
    assert sound.silent(samples, RATE, 0.0, 0.9)
    assert not sound.silent(samples, RATE, 0.5, 1.5)
    assert not sound.silent(samples, RATE, 5.0, 6.0)  # nothing recorded there is not silence


def test_a_file_is_read_at_its_own_rate_from_its_first_channel(tmp_path: Path) -> None:
    time = np.arange(16000) / 16000
    both = np.stack([0.3 * np.sin(2 * np.pi * 1750 * time), np.zeros(16000)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", both, 16000)
    assert sound.tones(sound.heard(tmp_path / "stereo.wav")) == [1750]


def test_unknown_tones_are_named_by_their_frequency() -> None:
    assert prompts.places([600, 1234]) == ["one", "? 1234"]
