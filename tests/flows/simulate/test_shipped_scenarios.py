"""The scenarios that come with the server hold, and would notice a change of the flow."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.simulate.scenarios import FlowFolders, read_scenarios, scenario_files
from flows.simulate.verdict import judge

CONFIG = Path(__file__).resolve().parents[3] / "config"


async def broken(folder: Path) -> list[str]:
    """Return the names of all scenarios of a folder that do not hold."""
    files, findings = scenario_files([folder])
    names = []
    for file in files:
        scenarios, faults = read_scenarios(file, FlowFolders())
        findings += faults
        names += [scenario.name for scenario in scenarios if not (await judge(scenario)).holds]
    assert findings == []
    return names


async def test_all_hold() -> None:
    assert await broken(CONFIG / "scenarios") == []


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("hour: 17", "hour: 18", "at five it closes, in summer too"),
        ("hour: 9", "hour: 8", "one minute before nine the office is closed"),
        ("weekdays: [1, 2, 3, 4, 5], ", "", "on Sundays it is closed all day"),
        ('"1": sales', '"4": sales', "in office hours a caller reaches sales"),
        ("loop_count: 2", "loop_count: 1", "who says nothing hears the menu three times and a farewell"),
        ('"*": menu', '"*": phones', "through the second level, back with star, and to phones"),
        ("duration: 30000", "duration: 3000", "a caller hears the echo for half a minute"),
    ],
)
async def test_a_changed_flow_breaks_the_one_that_means_it(
    tmp_path: Path, old: str, new: str, name: str
) -> None:
    for part in ("flows", "scenarios"):
        shutil.copytree(CONFIG / part, tmp_path / part)
    flow = tmp_path / "flows" / "reception.yaml"
    text = flow.read_text(encoding="utf-8")
    assert old in text
    flow.write_text(text.replace(old, new), encoding="utf-8")
    assert name in await broken(tmp_path / "scenarios")
