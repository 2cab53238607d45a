"""`voipbin-sip flow …` as a shell sees it: what goes in, what comes out, how it ends."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from voipbin_sip.cli.main import app

CONFIG = Path(__file__).resolve().parents[2] / "config"
RECEPTION = str(CONFIG / "flows" / "reception.yaml")
MONDAY = ("--at", "2026-01-05 10:00")


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["flow", *words], input=stdin, catch_exceptions=False)


def simulate(flow: str, stdin: str, *options: str, folder: Path) -> Result:
    path = folder / "tried.yaml"
    path.write_text(flow, encoding="utf-8")
    return run("simulate", str(path), *MONDAY, *options, stdin=stdin)


def test_a_caller_reaches_sales() -> None:
    came = run("simulate", RECEPTION, *MONDAY, stdin="1\n")
    assert came.exit_code == 0
    assert "talk sales  reception.yaml:" in came.stdout
    assert "→ goes to 'sales'" in came.stdout
    assert "voipbin.call.digits = 1" in came.stdout
    assert came.stdout.endswith("ends, hung up: normal\n")


def test_time_is_skipped_and_variables_are_shown(tmp_path: Path) -> None:
    flow = """
actions:
  - type: answer
  - {type: variable_set, option: {key: colour, value: green}}
  - {id: wait, type: digits_receive, option: {duration: 120000}}
  - {type: talk, option: {text: "${colour}, ${name}"}}
"""
    came = simulate(flow, "v colour\nskip soon\nskip 119s\nskip 2\n", "--set", "name=Ada", folder=tmp_path)
    assert "  colour = green\n" in came.stdout
    assert "'soon' is not a time" in came.stdout
    assert "(listens, 1.0 s left)" in came.stdout
    assert "“green, Ada”" in came.stdout


def test_the_person_says_who_answers_and_what_servers_say(tmp_path: Path) -> None:
    flow = """
actions:
  - {type: connect, option: {destinations: [{type: extension, target: "1000"}]}}
  - {type: webhook_send, option: {sync: true, uri: "https://a.example"}}
  - {type: talk, option: {text: "${voipbin.connect.result} ${voipbin.webhook.status} ${voipbin.webhook.body}"}}
"""
    came = simulate(flow, "perhaps\nbusy\n\n202\nfine\n", folder=tmp_path)
    assert "'perhaps' is not one of answered, busy" in came.stdout
    assert "“busy 202 fine”" in came.stdout
    usual = simulate(flow, "", "--defaults", folder=tmp_path)
    assert "“answered 200 []”" in usual.stdout


def test_pause_stops_in_prompts_that_nothing_cuts_too(tmp_path: Path) -> None:
    flow = "actions: [{type: talk, option: {text: Please wait}}, {type: digits_receive, option: {duration: 5000}}]"
    asked = [simulate(flow, "7\n", *options, folder=tmp_path).stdout for options in ((), ("--pause",))]
    assert ["(speaks, 0.7 s left) > 7" in text for text in asked] == [False, True]
    assert "(listens, 5.0 s left) > 7" in asked[0]


def test_who_hangs_up_ends_it_and_who_leaves_too() -> None:
    assert "ends, cancelled: the caller hung up" in run("simulate", RECEPTION, *MONDAY, stdin="h\n").stdout
    assert run("simulate", RECEPTION, *MONDAY, stdin="q\n").exit_code == 130


def test_a_caller_of_whom_nothing_more_is_heard_hangs_up_in_the_end(tmp_path: Path) -> None:
    flow = """
actions:
  - {id: ask, type: digits_receive, option: {duration: 600000}}
  - {type: branch, option: {target_ids: {"1": out}, default_target_id: ask}}
  - {id: out, type: hangup}
"""
    came = simulate(flow, "", folder=tmp_path)
    assert " 1:00:00 ends, cancelled: the caller hung up" in came.stdout


def test_a_block_goes_on_when_somebody_says_so(tmp_path: Path) -> None:
    flow = "actions: [{id: wait, type: block}, {id: last, type: variable_set, option: {key: a, value: b}}]"
    came = simulate(flow, "\ngo\n", "--no-call", folder=tmp_path)
    assert "a = b" in came.stdout
    assert came.exit_code == 0


def test_a_broken_flow_is_not_simulated(tmp_path: Path) -> None:
    came = simulate("actions: [{type: tlak}]", "", folder=tmp_path)
    assert came.exit_code == 1
    assert "did you mean 'talk'?" in came.stderr
    assert run("simulate", str(tmp_path / "none.yaml")).exit_code == 1


def test_shipped_scenarios_hold_and_the_report_says_so(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    came = run("test", str(CONFIG / "scenarios"), "--junit", str(report))
    assert came.exit_code == 0
    count = len(ET.parse(report).getroot().findall("testsuite/testcase"))
    assert came.stdout.count("ok ") == count
    assert f"{count} scenarios, all hold" in came.stderr


def test_a_scenario_that_does_not_hold_shows_why(tmp_path: Path) -> None:
    path = tmp_path / "calls.yaml"
    path.write_text(
        f"flows: {CONFIG / 'flows'}\nflow: reception\nscenarios:\n"
        "  - {name: wrong, begins: 2026-01-04 10:00, caller_does: [{after: menu, hangs_up: true}],\n"
        "     expect: {steps: [closed, sales]}}\n",
        encoding="utf-8",
    )
    came = run("test", str(tmp_path))
    assert came.exit_code == 1
    assert f"{path}:5:31: steps: 'sales' was expected after 'closed' and did not come" in came.stdout
    assert "- sales   (expected, did not come)" in came.stdout
    assert "“Welcome. Our office is closed" in came.stdout


@pytest.mark.parametrize("text", ["scenarios: [}", "scenarios: []", "flow: reception"])
def test_a_broken_scenario_file_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "calls.yaml").write_text(text, encoding="utf-8")
    came = run("test", str(tmp_path))
    assert came.exit_code == 1
    assert "calls.yaml:1:" in came.stdout


def test_a_folder_without_scenarios_is_an_error(tmp_path: Path) -> None:
    assert run("test", str(tmp_path)).exit_code == 1


def test_graphs_go_to_the_screen_or_into_a_file(tmp_path: Path) -> None:
    assert run("graph", RECEPTION).stdout.startswith("flowchart TD\n")
    path = tmp_path / "reception.svg"
    assert run("graph", RECEPTION, "--format", "svg", "-o", str(path)).exit_code == 0
    assert ET.parse(path).getroot().tag.endswith("svg")
    assert run("graph", RECEPTION, "-o", str(tmp_path / "none" / "x")).exit_code == 1


@pytest.mark.parametrize("name", ["flow", "scenarios", "directory", "config"])
def test_schemas_are_printed(name: str) -> None:
    printed = json.loads(run("schema", "--of", name).stdout)
    assert printed == json.loads((CONFIG / "schema" / f"{name}.json").read_text(encoding="utf-8"))
