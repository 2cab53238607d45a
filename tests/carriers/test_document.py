"""docs/providers.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from voipbin_sip.carriers.registration import ADVICE
from voipbin_sip.directory import load_directory

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")


def test_the_example_is_a_directory(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "directory.yaml"
    file.write_text(example)
    entries, findings = load_directory(file, None)
    assert findings == []
    assert entries is not None
    (provider,) = entries.providers
    assert (provider.register_seconds, provider.probe) == (600, 30)


def test_refusals_are_explained_with_the_words_of_the_log() -> None:
    for status in (403, 404):
        advice = ADVICE[status].partition(":")[0]
        assert f"{status} to REGISTER: {advice}" in PAGE
