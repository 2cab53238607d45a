"""The flow and the scenarios of the documentation are right, and hold."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from flows.simulate.scenarios import FlowFolders, read_scenarios
from flows.simulate.verdict import judge

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [
    page
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    if re.search(r"^scenarios:$", page.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_scenarios_of_a_page_hold_for_its_flows(tmp_path: Path, page: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    (tmp_path / "flows").mkdir()
    (tmp_path / "scenarios").mkdir()
    tests: list[Path] = []
    for number, text in enumerate(blocks):
        is_test = re.search(r"^scenarios:$", text, re.MULTILINE) is not None
        if not is_test and not re.search(r"^actions:$", text, re.MULTILINE):
            continue  # a piece of the directory, or of the configuration
        path = tmp_path / ("scenarios" if is_test else "flows") / f"block{number}.yaml"
        path.write_text(text, encoding="utf-8")
        tests += [path] if is_test else []
    assert tests
    for path in tests:
        scenarios, findings = read_scenarios(path, FlowFolders())
        assert findings == []
        for scenario in scenarios:
            assert [str(found) for found in asyncio.run(judge(scenario)).failures] == []
