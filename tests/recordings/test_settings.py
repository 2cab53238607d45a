"""Key `recordings`: how much is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from voipbin_sip.config import load_config
from voipbin_sip.recordings.sweep import Bounds


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("{}", Bounds(days=90)),
        ("{keep_days: 0}", Bounds()),
        ("{keep_days: 0.5, max_gb: 1.5}", Bounds(0.5, 1_500_000_000)),
    ],
)
def test_what_is_kept(tmp_path: Path, text: str, bounds: Bounds) -> None:
    path = tmp_path / "voipbin.yaml"
    path.write_text(f"recordings: {text}\n")
    config, findings = load_config(path)
    assert not findings
    assert config is not None
    assert config.recordings.bounds == bounds


@pytest.mark.parametrize("text", ["{keep_days: -1}", "{max_gb: many}", "{keep_dais: 3}"])
def test_mistakes_have_their_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "voipbin.yaml"
    path.write_text(f"recordings: {text}\n")
    (finding,) = load_config(path)[1]
    assert str(finding).startswith(f"{path}:1:")
