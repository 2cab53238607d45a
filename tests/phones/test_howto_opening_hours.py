"""docs/howto/opening-hours.md: its scenarios hold in tests/documents; here, what it says about exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.documents.pages import blocks, text_of
from voipbin_sip.cli.main import app

PAGE = "docs/howto/opening-hours.md"
WRITTEN = {  # on the page, and as options
    "friday": (
        '`{condition: ">=", hour: 15, weekdays: [5], …}`',
        {"condition": ">=", "hour": 15, "weekdays": [5]},
    ),
    "lunch": ('`{condition: "==", hour: 12, …}`', {"condition": "==", "hour": 12}),
    "four": ('`"==", hour: 16`', {"condition": "==", "hour": 16}),
    "half": ('`">=", minute: 30`', {"condition": ">=", "minute": 30}),
}
CALLS = [  # exceptions, when, whether the phones ring
    (["friday"], "2026-01-09 14:59", True),
    (["friday"], "2026-01-09 15:00", False),
    (["friday"], "2026-01-08 15:00", True),
    (["lunch"], "2026-01-08 11:59", True),
    (["lunch"], "2026-01-08 12:30", False),
    (["lunch"], "2026-01-08 13:00", True),
    (["four", "half"], "2026-01-08 15:45", True),
    (["four", "half"], "2026-01-08 16:29", True),
    (["four", "half"], "2026-01-08 16:30", False),
    (["lunch", "friday"], "2026-01-09 12:30", False),
    (["lunch", "friday"], "2026-01-09 15:30", False),
    (["lunch", "friday"], "2026-01-09 13:30", True),
]


@pytest.mark.parametrize(("exceptions", "when", "rings"), CALLS)
def test_exceptions_stand_before_open(exceptions: list[str], when: str, rings: bool, tmp_path: Path) -> None:
    flow = next(yaml.safe_load(block.text) for block in blocks(PAGE) if "actions:" in block.text)
    place = next(index for index, step in enumerate(flow["actions"]) if step.get("id") == "open")
    steps = []
    for name, after in zip(exceptions, [*exceptions[1:], "open"], strict=True):
        written, option = WRITTEN[name]
        assert written in " ".join(text_of(PAGE).split())
        # An exception that does not hold leads to the next one; the two of half past four belong together.
        option = {
            **option,
            "timezone": "Europe/Berlin",
            "false_target_id": "open" if name == "four" else after,
        }
        next_id = {} if name == "four" else {"next_id": "closed"}
        steps.append({"id": name, "type": "condition_datetime", "option": option, **next_id})
    flow["actions"][place:place] = steps
    called = ["1000", "1001"] if rings else []
    scenario = {"name": when, "begins": when, "timezone": "Europe/Berlin", "expect": {"called": called}}
    for folder, text in (("flows", flow), ("scenarios", {"flow": "office", "scenarios": [scenario]})):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "office.yaml").write_text(yaml.safe_dump(text))
    done = CliRunner().invoke(app, ["flow", "test", str(tmp_path / "scenarios")])
    assert done.exit_code == 0, done.output
