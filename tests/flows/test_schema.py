"""The JSON Schema of flow files agrees with the check on single files."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from flows import load_flow_text
from flows.actions.registry import ACTION_TYPES
from flows.schema import flow_schema

VALIDATOR = Draft202012Validator(flow_schema())
DESIGN_EXAMPLE = """
name: reception
actions:
  - type: answer
  - id: menu
    type: talk
    option: {text: "Press 1 for sales, 2 for support.", language: en-US, digits_handle: next}
  - type: digits_receive
    option: {duration: 5000, length: 1}
  - type: branch
    option: {target_ids: {"1": sales, "2": support}, default_target_id: menu}
  - id: sales
    type: play
    option: {stream_urls: [sounds/sales.wav]}
  - type: hangup
    option: {reason: normal}
  - id: support
    type: echo
"""

GOOD = [
    DESIGN_EXAMPLE,
    "actions: [{type: talk, option: {text: 4711, async: '${later}'}}]",
    "actions: [{type: sleep, option: {duration: '${pause}'}}]",
    "actions: [{type: digits_receive, option: {duration: '5000', length: 0, key: '#*'}}]",
    "actions: [{type: digits_send, option: {digits: 123}}]",
    "actions: [{type: digits_send, option: {digits: '${code}'}}]",
    "actions: [{type: hangup, option: {reason: '${why}'}}]",
    "id: 5b1f0a52-0000-4000-8000-00000000000b\ndetail: x\nactions: [{type: stop}]",
    "actions: [{type: condition_datetime, option: {condition: '>=', hour: 8, weekdays: [1, '${d}'], "
    "timezone: Europe/Berlin, false_target_id: x}}, {id: x, type: stop}]",
    "actions: [{type: condition_variable, option: {condition: '<', variable: a, value_type: number, "
    "value_number: 1.5, false_target_id: x}}, {id: x, type: stop}]",
    "actions: [{type: connect, option: {destinations: [{type: extension, target: 1000}], anonymous: yes}}]",
    "actions: [{type: connect, option: {source: {type: tel, target: '${a}'}, destinations: [{type: '${b}', "
    "target: c}], relay_reason: true, early_media: '${d}', dial_timeout: '${e}', anonymous: '${f}'}}]",
    "actions: [{type: call, option: {destinations: [{type: tel, target: '+15550100', name: x, detail: y}], "
    "chained: true, actions: [{id: a, type: beep}, {type: goto, option: {target_id: a, loop_count: 1}}]}}]",
    "actions: [{type: confbridge_join, option: {confbridge_id: lobby, type: conference}}, {type: mute}]",
    "actions: [{type: conference_join, option: {conference_id: '${x}'}}]",
    "actions: [{type: fetch, option: {event_url: 'https://x.example/next', event_method: GET}}, {type: empty}]",
    "actions: [{type: fetch, option: {event_url: '${base}/next'}}, {id: later, type: block}]",
    "actions: [{type: webhook_send, option: {sync: true, uri: 'HTTP://x.example', method: PUT, data: 5}}]",
    "actions: [{type: email_send, option: {destinations: [{type: email, target: a@b.example}], subject: x, "
    "attachments: [{reference_type: recording, reference_id: '${voipbin.recording.id}'}]}}]",
    "actions: [{type: email_send, option: {destinations: [{type: email, target: '${who}'}]}}]",
]
BAD = [
    "name: x",
    "actions: []",
    "actions: {type: answer}",
    "nam: x\nactions: [{type: answer}]",
    "actions: [{option: {}}]",
    "actions: [{type: dance}]",
    "actions: [{type: queue_join}]",
    "actions: [{type: connect}]",
    "actions: [{type: connect, option: {destinations: []}}]",
    "actions: [{type: connect, option: {destinations: [{type: phone, target: '1'}]}}]",
    "actions: [{type: connect, option: {destinations: [{type: tel, target: '+15550100', number: 1}]}}]",
    "actions: [{type: connect, option: {destinations: ['+15550100']}}]",
    "actions: [{type: call, option: {destinations: [{type: sip, target: a@b}], actions: [{type: dance}]}}]",
    "actions: [{type: confbridge_join, option: {confbridge_id: two words}}]",
    "actions: [{type: mute, option: {direction: left}}]",
    "actions: [{type: answer, opton: {}}]",
    "actions: [{type: answer, option: {text: x}}]",
    "actions: [{type: talk}]",
    "actions: [{type: talk, option: {txt: x}}]",
    "actions: [{type: talk, option: {text: ''}}]",
    "actions: [{type: talk, option: {text: x, digits_handle: stop}}]",
    "actions: [{type: talk, option: {text: x, async: perhaps}}]",
    "actions: [{type: talk, option: {text: [x]}}]",
    "actions: [{type: digits_receive, option: {duration: soon}}]",
    "actions: [{type: digits_receive, option: {duration: -1}}]",
    "actions: [{type: digits_receive, option: {length: 1}}]",
    "actions: [{type: digits_send, option: {digits: 12x}}]",
    "actions: [{type: play, option: {stream_urls: []}}]",
    "actions: [{type: hangup, option: {reason: bored}}]",
    "actions: [{type: condition_datetime, option: {condition: '>=', weekdays: [7]}}]",
    "actions: [{type: fetch}]",
    "actions: [{type: fetch, option: {event_url: 'ftp://x.example'}}]",
    "actions: [{type: fetch, option: {event_url: 'http://x.example', event_method: FETCH}}]",
    "actions: [{type: webhook_send, option: {url: 'http://x.example'}}]",
    "actions: [{type: email_send, option: {destinations: []}}]",
    "actions: [{type: email_send, option: {destinations: [{type: tel, target: '+15550100'}]}}]",
    "actions: [{type: email_send, option: {destinations: [{type: email, target: a@b.c}], "
    "attachments: [{reference_type: file, reference_id: x}]}}]",
    "type: queue\nactions: [{type: answer}]",
]


def _data(text: str) -> Any:
    return yaml.safe_load(text)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(flow_schema())
    assert flow_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", GOOD)
def test_good_files_pass_schema_and_check(text: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(_data(text))] == []
    flow, findings = load_flow_text(text, Path("a.yaml"))
    assert flow is not None, findings


@pytest.mark.parametrize("text", BAD)
def test_bad_files_fail_schema_and_check(text: str) -> None:
    assert not VALIDATOR.is_valid(_data(text))
    flow, _ = load_flow_text(text, Path("a.yaml"))
    assert flow is None


def test_every_type_is_offered_and_described() -> None:
    schema = flow_schema()
    assert schema["$defs"]["action"]["properties"]["type"]["enum"] == list(ACTION_TYPES)
    for name in ACTION_TYPES:
        assert schema["$defs"][name]["additionalProperties"] is False
        assert schema["$defs"][name]["description"]


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    schema = flow_schema()

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [ref for value in part.values() for ref in references(value)]
        return [ref for value in part for ref in references(value)] if isinstance(part, list) else []

    found = references(schema)
    assert found
    assert all(ref.removeprefix("#/$defs/") in schema["$defs"] for ref in found)
