"""Flows that come as JSON values, and JSON text with every escape."""

import json
from pathlib import Path

import pytest

from flows import load_flow_data, load_flow_text

HERE = Path("api")


def test_values_have_the_types_of_json() -> None:
    document = {
        "name": "from the API",
        "id": "5b1f0a52-0000-4000-8000-00000000000b",
        "actions": [
            {"type": "talk", "option": {"text": "Grüße \U0001f600", "async": True, "voice_id": None}},
            {"type": "sleep", "option": {"duration": 5}},
            {"id": "5b1f0a52-0000-4000-8000-00000000000c", "type": "answer"},
            {
                "type": "goto",
                "option": {"target_id": "5B1F0A52-0000-4000-8000-00000000000C", "loop_count": 2},
            },
        ],
    }
    flow, findings = load_flow_data(document, HERE)
    assert flow is not None, findings
    assert (flow.name, str(flow.uuid), flow.trusted) == ("from the API", document["id"], False)
    talk, sleep, *_ = (action.body for action in flow.actions)
    assert talk is not None
    assert sleep is not None
    assert talk.model_dump(by_alias=True)["text"] == "Grüße \U0001f600"
    assert sleep.model_dump() == {"duration": 5}
    assert [str(action.origin) for action in flow.actions] == ["api:1", "api:2", "api:3", "api:4"]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (None, "actions: has no value"),
        ("talk", "actions: 'talk' is not a list"),
        ([], "actions: is empty"),
        ([5], "actions.0: an action must be a mapping that begins with 'type:'"),
        (
            [{"type": "sleep", "option": {"duration": "soon"}}],
            "actions.0.option.duration: 'soon' is not a whole number",
        ),
        (
            [{"type": "beep"}, {"type": "sleep", "option": {"durationn": 5}}],
            "actions.1.option.durationn: 'durationn'",
        ),
        (
            [{"type": "beep"}, {"type": "goto", "option": {"target_id": "x", "loop_count": 1}}],
            "actions.1.option.target_id: there is no",
        ),
        (
            [{"type": "talk", "option": {"text": "a\x00b"}}],
            "actions.0.option.text: character U+0000 is not allowed",
        ),
        (
            [{"type": "talk", "option": {"text": "\ud800"}}],
            "actions.0.option.text: character U+D800 is not allowed",
        ),
        ([{"type": "beep"}] * 5001, "actions: has more than 5000 items"),
    ],
)
def test_findings_name_the_path(actions: object, message: str) -> None:
    flow, findings = load_flow_data({"actions": actions}, HERE)
    assert flow is None
    assert findings[0].message.startswith(message)


def test_depth_is_bounded() -> None:
    deep: object = "x"
    for _ in range(5000):
        deep = [deep]
    flow, findings = load_flow_data({"actions": deep}, HERE)
    assert flow is None
    assert "nested too deeply" in findings[0].message


def test_a_step_that_is_never_reached_is_only_warned_of() -> None:
    flow, findings = load_flow_data({"actions": [{"type": "hangup"}, {"type": "beep"}]}, HERE)
    assert flow is not None
    assert [finding.message for finding in findings] == ["actions.1: this step is never reached"]


def test_steps_elsewhere_may_be_named() -> None:
    document = {"actions": [{"type": "goto", "option": {"target_id": "menu", "loop_count": 1}}]}
    assert load_flow_data(document, HERE)[0] is None
    assert load_flow_data(document, HERE, outer={"menu"})[0] is not None


@pytest.mark.parametrize(
    "text", ["\U0001f600", "a\\\U0001f600", "\\ud83d\\ude00", '\\\\\U0010ffff/"\t\n', "é\u2028"]
)
def test_json_text_with_escapes_says_what_it_says(text: str) -> None:
    document = json.dumps({"actions": [{"type": "talk", "option": {"text": text}}]})
    flow, findings = load_flow_text(document, HERE)
    assert flow is not None, findings
    assert flow.actions[0].option["text"] == text


def test_half_a_character_is_refused() -> None:
    flow, findings = load_flow_text('{"actions": [{"type": "talk", "option": {"text": "\\ud83d"}}]}', HERE)
    assert flow is None
    assert "invalid Unicode" in findings[0].message
