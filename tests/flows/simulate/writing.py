"""Flows and scenarios written as text, read from a folder of their own."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from flows.simulate.scenarios import FlowFolders, Scenario, read_scenarios
from flows.simulate.verdict import Verdict, judge

MENU = """
name: menu
actions:
  - type: answer
  - {id: ask, type: talk, option: {text: "Press one for sales.", digits_handle: next}}
  - {type: digits_receive, option: {duration: 5000}}
  - {type: branch, option: {target_ids: {"1": sales}, default_target_id: bye}}
  - {id: sales, type: connect, option: {destinations: [{type: extension, target: "1000"}], dial_timeout: 20000}}
  - {id: bye, type: talk, option: {text: Goodbye}}
  - type: hangup
"""


def write(folder: Path, scenarios: str, **flows: str) -> Path:
    """Write flows and a scenario file that names the first of them; returns the scenario file."""
    (folder / "flows").mkdir(exist_ok=True)
    (folder / "scenarios").mkdir(exist_ok=True)
    for name, text in (flows or {"menu": MENU}).items():
        (folder / "flows" / f"{name}.yaml").write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    path = folder / "scenarios" / "calls.yaml"
    head = f"flow: {next(iter(flows), 'menu')}\nscenarios:\n"
    path.write_text(head + indent(dedent(scenarios).strip("\n"), "  ") + "\n", encoding="utf-8")
    return path


def read(folder: Path, scenarios: str, **flows: str) -> tuple[list[Scenario], list[str]]:
    """Return the scenarios and the findings as `line:column: message`."""
    found, findings = read_scenarios(write(folder, scenarios, **flows), FlowFolders())
    return found, [f"{finding.line}:{finding.column}: {finding.message}" for finding in findings]


async def verdict(folder: Path, scenario: str, **flows: str) -> Verdict:
    """Judge the only scenario of a text."""
    found, findings = read(folder, scenario, **flows)
    assert findings == []
    return await judge(found[0])


async def complaints(folder: Path, scenario: str, **flows: str) -> list[str]:
    """Return what does not hold, as `line:column: message`."""
    came = await verdict(folder, scenario, **flows)
    return [f"{found.line}:{found.column}: {found.message}" for found in came.failures]
