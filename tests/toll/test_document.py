"""docs/toll.md and the shipped configuration say what is so."""

from __future__ import annotations

import re
from pathlib import Path

from voipbin_sip.loading import load
from voipbin_sip.toll.limits import OutboundLimitsSection

PAGE = Path(__file__).resolve().parents[2] / "docs" / "toll.md"


def test_its_configuration_loads(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n# config/(\S+)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert [name for name, _ in blocks] == ["voipbin.yaml", "directory.yaml"]
    (tmp_path / "flows").mkdir()
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    loaded, findings = load(tmp_path / "voipbin.yaml")
    assert loaded is not None, [str(finding) for finding in findings]
    assert loaded.config.outbound.countries == ["DE", "AT", "CH"]
    assert loaded.directory.extensions[0].limits.minutes_per_day == 60


def test_its_defaults_are_the_defaults() -> None:
    defaults = OutboundLimitsSection()
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+).*?(\d+)[^|]*\|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == 3
    for name, payer, total in rows:
        assert getattr(defaults, name) == int(payer)
        assert getattr(defaults.total, name) == int(total)
