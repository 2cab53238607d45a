"""Actions that are read and skipped: VoIPBIN's examples load unchanged and say that nothing is done."""

from pathlib import Path

import pytest

from flows import load_flow_data, load_flow_text
from flows.actions.accepted import ACCEPTED
from tests.flows.driving import Scene

ID = "5b1f0a52-0000-4000-8000-000000000013"
EXAMPLES = [
    f"{{type: ai_talk, option: {{assistance_type: ai, assistance_id: {ID}, duration: 300}}}}",
    f"{{type: ai_task, option: {{assistance_type: team, assistance_id: {ID}}}}}",
    "{type: ai_summary, option: {reference_type: recording, reference_id: '${voipbin.recording.id}', language: en-US}}",
    "{type: amd, option: {machine_handle: hangup, async: true}}",
    "{type: transcribe_start, option: {language: en-US, direction: both}}",
    "{type: transcribe_stop}",
    "{type: transcribe_recording, option: {language: en-US}}",
    "{type: message_send, option: {source: {type: tel, target: '+15550000001'}, "
    "destinations: [{type: tel, target: '+15550000002'}], text: Hello}}",
    f"{{type: conversation_send, option: {{conversation_id: {ID}, text: Thanks, sync: false}}}}",
    "{type: case_create, option: {name: Inbound, detail: IVR, note: auto}}",
]


@pytest.mark.parametrize("example", EXAMPLES)
async def test_each_loads_with_a_warning_and_is_skipped_visibly(example: str) -> None:
    text = f"actions:\n  - {example}\n  - {{type: beep}}"
    flow, findings = load_flow_text(text, Path("a.yaml"))
    assert flow is not None
    kind = flow.actions[0].type
    assert [str(f) for f in findings] == [
        f"a.yaml:2:5: warning: {kind} is skipped: this server does not do it yet"
    ]
    scene = Scene(text)
    await scene.play()
    assert [(r.outcome, r.detail) for r in scene.trace.records] == [
        ("skipped", "this server does not do it yet"),
        ("done", ""),
    ]


def test_every_accepted_type_has_its_example() -> None:
    assert {kind.type for kind in ACCEPTED} == {
        e.split("type: ")[1].split(",")[0].rstrip("}") for e in EXAMPLES
    }


def test_misspelt_options_are_found_all_the_same() -> None:
    flow, findings = load_flow_data(
        {"actions": [{"type": "amd", "option": {"async": True, "machin": ""}}]}, Path("x")
    )
    assert flow is None
    assert findings[0].message.startswith("actions.0.option.machin: 'machin' is an unknown key")
