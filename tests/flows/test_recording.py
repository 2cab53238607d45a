"""`recording_start` and `recording_stop`: what is asked of the call, and what the flow knows afterwards."""

from __future__ import annotations

import pytest

from tests.flows.driving import Scene, played


async def test_options_reach_the_call_and_variables_the_flow() -> None:
    scene = await played(
        """
  - type: answer
  - type: recording_start
    option: {format: ogg, direction: in, end_of_silence: 5, end_of_key: "#", duration: "120", beep_start: true}
  - type: talk
    option: {text: "recording ${voipbin.recording.id} as ${voipbin.recording.format}"}
  - type: recording_stop
"""
    )
    assert scene.log[:4] == [
        "answer",
        "beep",
        "record ogg in 5 # 120",
        "say recording r-1 as ogg",
    ]
    assert "stop_recording" in scene.log


async def test_the_flow_afterwards_gets_what_the_variables_are_then() -> None:
    scene = await played(
        """
  - type: answer
  - type: recording_start
    option: {on_end_flow_id: after}
  - type: variable_set
    option: {key: name, value: Ann}
""",
        others={"after": "  - type: stop\n"},
    )
    assert "record wav both 0 - 0 then after" in scene.log
    (variables,) = scene.call.recorded
    assert variables()["name"] == "Ann"


@pytest.mark.parametrize("nobody", ["", "00000000-0000-0000-0000-000000000000"])
async def test_no_flow_afterwards(nobody: str) -> None:
    scene = await played(
        f'  - type: answer\n  - type: recording_start\n    option: {{on_end_flow_id: "{nobody}"}}\n'
    )
    assert "record wav both 0 - 0" in scene.log


async def test_a_second_one_is_passed_over() -> None:
    scene = await played(
        """
  - type: answer
  - {id: one, type: recording_start}
  - {id: two, type: recording_start}
  - type: talk
    option: {text: "on"}
"""
    )
    assert scene.details("two") == ["it is being recorded already"]
    assert scene.said == ["on"]


async def test_the_flow_may_wait_for_its_end_and_knows_whether_anybody_spoke() -> None:
    scene = await played(
        """
  - type: answer
  - {id: record, type: recording_start, option: {wait: true, end_of_silence: 3}}
  - type: talk
    option: {text: "${voipbin.recording.spoken} s of ${voipbin.recording.id}"}
"""
    )
    assert scene.log[1:4] == ["record wav both 3 - 0", "recording_over", "say 2.0 s of r-1"]
    assert scene.trace.records[1].seconds == scene.call.seconds_recorded


async def test_nothing_to_stop() -> None:
    scene = await played("  - {id: stop, type: recording_stop}\n")
    assert scene.details("stop") == ["nothing was being recorded"]


async def test_without_a_call_it_is_skipped() -> None:
    scene = Scene("  - {id: start, type: recording_start}\n", with_call=False)
    await scene.play()
    assert scene.log == []
    assert scene.trace.records[0].outcome == "skipped"
