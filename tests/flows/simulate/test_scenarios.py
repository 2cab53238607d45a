"""Scenario files: read with places, played in virtual time, compared."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.flows.simulate.writing import MENU, complaints, read, verdict


async def test_a_call_goes_as_it_was_written(tmp_path: Path) -> None:
    scenario = """
    - name: to sales
      caller_does:
        - {after: ask, wait: 500ms, digits: "1"}
      answers:
        connect: [{to: "1000", result: busy, after: 2s}]
      expect:
        steps: [ask, branch, sales, bye]
        said: [press ONE, Goodbye]
        called: ["1000"]
        variables: {voipbin.connect.result: busy, voipbin.connect.reason: 486 Busy Here}
        end: hung up
        at_least: 2s
        at_most: 4s
    """
    assert await complaints(tmp_path, scenario) == []


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        ("steps: [ask, sales]", "5:20: steps: 'sales' was expected after 'ask' and did not come"),
        ("steps: [bye, ask]", "5:20: steps: 'ask' was expected after 'bye' and came only before that"),
        ("never: [ask, sales]", "5:15: step 'ask' came, at 0:00.0 (menu.yaml:4)"),
        ("said: Welcome", "5:13: said: 'Welcome' was expected and did not come"),
        ("never_said: goodbye", "5:19: this was said: “Goodbye”"),
        ('called: ["1000"]', "5:15: expected calls to 1000, but called nobody"),
        ("variables: {a: b}", "5:22: 'a' is not set at the end, not 'b'"),
        (
            'variables_after: {branch: {voipbin.call.digits: "1"}}',
            "5:55: 'voipbin.call.digits' is '' after 'branch', not '1'",
        ),
        ("variables_after: {sales: {a: b}}", "5:32: step 'sales' was not done"),
        ("end: caller hung up", "5:12: the flow ended by 'hung up' (normal), not by 'caller hung up'"),
        ("{end: hung up, reason: busy}", "4:36: the reason is 'normal', without 'busy'"),
        ("at_most: 5s", "5:16: the call lasted 0:06.8"),
        ("at_least: 1h", "5:17: the call lasted only 0:06.8"),
        ("failures: bye", "5:17: step 'bye' did not fail"),
        ("sent: [{url: https://}]", "5:14: sent: 'url https://' was expected and did not come"),
        ("mailed: [{to: a@b.c}]", "5:16: mailed: 'to a@b.c' was expected and did not come"),
    ],
)
async def test_what_does_not_hold_is_told_at_its_place(tmp_path: Path, expect: str, complaint: str) -> None:
    text = f" {expect}" if expect.startswith("{") else f"\n    {expect}"
    assert await complaints(tmp_path, f"- name: nothing typed\n  expect:{text}") == [complaint]


async def test_exactly_sets_both_sides_against_each_other(tmp_path: Path) -> None:
    scenario = """
    - name: nothing typed
      expect: {exactly: [answer, ask, digits_receive, branch, sales, bye]}
    """
    (failure,) = (await verdict(tmp_path, scenario)).failures
    assert failure.message.startswith("exactly: 'sales' was expected and bye")
    assert [line for line in failure.difference if line[0] != " "] == [
        "- sales",
        "+ hangup#7   (menu.yaml:9)",
    ]
    right = scenario.replace("sales, bye]", "bye, hangup]")
    assert await complaints(tmp_path, right) == []


async def test_a_deed_that_never_came_to_its_turn_is_a_failure(tmp_path: Path) -> None:
    scenario = """
    - name: too late
      caller_does:
        - {after: sales, digits: "1"}
        - {at: 1h, hangs_up: true}
      expect: {steps: [bye]}
    """
    assert await complaints(tmp_path, scenario) == [
        "5:9: this did not happen: step 'sales' never began (it ended at 0:06.8)",
        "6:9: this did not happen: the call was over before (it ended at 0:06.8)",
    ]


async def test_a_step_named_twice_means_its_second_time(tmp_path: Path) -> None:
    round_trip = """
    name: round
    actions:
      - {id: ask, type: digits_receive, option: {duration: 60000}}
      - {type: branch, option: {target_ids: {"*": ask}, default_target_id: out}}
      - {id: out, type: hangup}
    """
    scenario = """
    - name: twice
      caller_does:
        - {after: ask, wait: 10s, digits: "*"}
        - {after: ask, wait: 10s, digits: "5"}
      expect: {exactly: [ask, branch, ask, branch, out], at_least: 20s, at_most: 20s}
    """
    assert await complaints(tmp_path, scenario, round=round_trip) == []


async def test_a_day_takes_no_time(tmp_path: Path) -> None:
    patient = """
    name: patient
    actions:
      - {id: wait, type: sleep, option: {duration: 3600000}}
      - {type: goto, option: {target_id: wait, loop_count: 71}}
    """
    began = time.monotonic()
    scenario = "- {name: three days, expect: {at_least: 3d, at_most: 3d, end: finished}}"
    assert await complaints(tmp_path, scenario, patient=patient) == []
    assert time.monotonic() - began < 30


async def test_web_servers_answer_in_turn_and_a_missing_answer_is_named(tmp_path: Path) -> None:
    asking = """
    name: asking
    actions:
      - {id: one, type: webhook_send, option: {sync: true, uri: "https://a.example/x", data: "${who}"}}
      - {id: two, type: webhook_send, option: {sync: true, uri: "https://a.example/y"}}
      - {id: three, type: webhook_send, option: {sync: true, uri: "https://b.example"}}
      - {id: four, type: fetch, option: {event_url: "https://a.example/steps"}}
    """
    scenario = """
    - name: asks
      variables: {who: "4711"}
      answers:
        web:
          - {url: https://a.example/steps, body: [{type: talk, option: {text: Fetched}}]}
          - {url: https://a.example, status: 201, body: {right: yes}}
          - {url: https://a.example, status: 404}
      expect:
        sent: [{url: https://a.example/x, method: POST, body: "4711"}, {url: https://b.example}]
        variables_after:
          one: {voipbin.webhook.status: "201", voipbin.webhook.body: '{"right": "yes"}'}
          two: {voipbin.webhook.status: "404"}
        failures: three
        said: Fetched
        end: finished
    """
    assert await complaints(tmp_path, scenario, asking=asking) == []
    (complaint,) = await complaints(
        tmp_path, scenario.replace("failures: three", "at_least: 0"), asking=asking
    )
    assert "step 'three' failed at asking.yaml:5" in complaint
    assert "no answer to POST https://b.example" in complaint


async def test_a_run_without_a_call_waits_in_a_block_until_somebody_lets_it_go_on(tmp_path: Path) -> None:
    blocked = """
    name: blocked
    actions:
      - {id: wait, type: block}
      - {id: tell, type: email_send, option: {destinations: [{type: email, target: a@b.example}], subject: Done}}
    """
    scenario = """
    - name: goes on
      call: false
      caller_does: [{after: wait, wait: 2h, proceeds: true}]
      expect:
        exactly: [wait, tell]
        mailed: [{to: a@b.example, subject: Done}]
        at_least: 2h
    """
    assert await complaints(tmp_path, scenario, blocked=blocked) == []
    stuck = "- {name: stuck, call: false, expect: {steps: wait}}"
    assert await complaints(tmp_path, stuck, blocked=blocked) == [
        "3:5: the flow waits for ever: nothing would happen any more"
    ]


FAULTS = {
    "an unknown key": (
        "- {name: a, expct: {}}",
        ["3:5: 'expect' is missing", "3:15: 'expct' is an unknown key"],
    ),
    "an unknown step": (
        "- {name: a, expect: {steps: [ask, slaes]}}",
        ["3:37: no flow has a step 'slaes'; did you mean 'sales'?"],
    ),
    "a deed after an unknown step": (
        "- {name: a, caller_does: [{after: aks, digits: 1}], expect: {}}",
        ["3:37: no flow has a step 'aks'; did you mean 'ask'?"],
    ),
    "a deed without a time": (
        "- {name: a, caller_does: [{digits: 1}], expect: {}}",
        ["3:29: caller_does: needs 'at' (a time) or 'after' (a step), and not both"],
    ),
    "a wrong time": (
        "- {name: a, caller_does: [{at: soon, digits: 1}], expect: {}}",
        ["3:34: at: 'soon' is not a time: write 30s, 2m, 1h, 1d, 500ms or seconds"],
    ),
    "a flow that does not exist": (
        "- {name: a, flow: mneu, expect: {}}",
        ["3:21: there is no flow 'mneu'; did you mean 'menu'?"],
    ),
    "a name twice": (
        "- {name: a, expect: {}}\n- {name: a, expect: {}}",
        ["4:12: this name stands already at line 3"],
    ),
    "a time zone": (
        "- {name: a, timezone: Europe/Berlim, expect: {}}",
        ["3:25: timezone: 'Europe/Berlim' is not a known time zone"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_mistakes_are_found_at_their_place(tmp_path: Path, fault: str) -> None:
    text, expected = FAULTS[fault]
    scenarios, findings = read(tmp_path, text)
    assert scenarios == []
    assert len(findings) == len(expected)
    for finding, beginning in zip(findings, expected, strict=True):
        assert finding.startswith(beginning)


def test_broken_flows_are_told(tmp_path: Path) -> None:
    scenarios, findings = read(
        tmp_path, "- {name: a, expect: {}}", menu=MENU.replace("type: hangup", "type: hngup")
    )
    assert scenarios == []
    assert len(findings) == 1
    assert "the flows cannot be loaded" in findings[0]
    assert "hngup" in findings[0]
