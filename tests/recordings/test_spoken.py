"""How much is said in a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voipbin_sip.recordings.spoken import spoken


@pytest.mark.parametrize("rate", [8000, 16000])
def test_only_what_the_caller_says_counts(tmp_path: Path, rate: int) -> None:
    time = np.arange(rate * 12) / rate
    tone = 0.2 * np.sin(2 * np.pi * 700 * time)
    caller = np.where((time >= 1) & (time < 3.5) | (time >= 11), tone, 0.001)
    path = tmp_path / "both.wav"
    soundfile.write(path, np.stack([caller, tone], axis=1), rate)
    assert spoken(path) == pytest.approx(3.5, abs=0.05)


def test_nothing_said(tmp_path: Path) -> None:
    path = tmp_path / "quiet.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    assert spoken(path) == 0.0


def test_what_is_no_recording_is_an_error_that_can_be_told(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(OSError, match=r"text\.wav"):
        spoken(tmp_path / "text.wav")
