"""What programs get: JUnit, the schema of scenarios."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from flows.simulate.junit import junit_report
from flows.simulate.scenario_schema import scenario_schema
from flows.simulate.scenarios import FlowFolders, read_scenarios
from flows.simulate.verdict import judge
from tests.flows.simulate.writing import write

TWO = """
- name: "holds, with <odd> & \\x01 letters"
  expect: {steps: bye}
- name: does not hold
  expect: {steps: [bye, sales], end: failed}
"""


async def test_junit_counts_and_places(tmp_path: Path) -> None:
    scenarios, findings = read_scenarios(write(tmp_path, TWO), FlowFolders())
    assert findings == []
    verdicts = [await judge(scenario) for scenario in scenarios]
    _, broken = read_scenarios(tmp_path / "missing.yaml", FlowFolders())
    root = ET.fromstring(junit_report(verdicts, broken))
    suites = root.findall("testsuite")
    assert [(suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in suites] == [
        ("2", "1", "0"),
        ("1", "0", "1"),
    ]
    good, bad = suites[0].findall("testcase")
    assert good.get("name") == "holds, with <odd> & ? letters"
    assert good.find("failure") is None
    failures = bad.findall("failure")
    assert len(failures) == 2
    assert "calls.yaml:6:" in (failures[0].text or "")
    assert "- sales" in (failures[0].text or "")


def test_the_schema_takes_what_the_reader_takes(tmp_path: Path) -> None:
    validator = Draft202012Validator(scenario_schema())
    Draft202012Validator.check_schema(scenario_schema())
    good = """
- name: a
  caller_does: [{at: 1.5, digits: "1"}, {after: ask, wait: 2m, hangs_up: true}]
  answers: {connect: [{result: busy}], web: [{url: https://a.example, body: [1]}]}
  expect: {steps: ask, said: [One], variables: {a: "1"}, at_most: 30s}
"""
    bad = {
        "unknown key": "- {name: a, expct: {}, expect: {}}",
        "a wrong word": "- {name: a, expect: {end: over}}",
        "a wrong time": "- {name: a, expect: {at_most: soon}}",
        "no expectation": "- {name: a}",
    }
    for text, is_right in ((good, True), *((text, False) for text in bad.values())):
        path = write(tmp_path, text)
        scenarios, _ = read_scenarios(path, FlowFolders())
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert validator.is_valid(document) is is_right, text
        assert bool(scenarios) is is_right, text
