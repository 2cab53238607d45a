"""A simulated call: digits, people, rooms, recordings, the flows that follow it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import Flow, FlowSet, load_flow_text
from flows.ports import Address, CallPort
from flows.simulate import Caller, Dialled, Happening, Kind, Simulation, Usual
from flows.simulate.call import SimulatedCall

MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)


def simulation(*texts: str, caller: Caller | None = None, answers: Usual | None = None) -> Simulation:
    """Return a simulation of the first flow."""
    flows: list[Flow] = []
    for text in texts:
        flow, findings = load_flow_text(text, Path(f"flow{len(flows)}.yaml"))
        assert flow is not None, findings
        flows.append(flow)
    return Simulation(
        FlowSet(flows), flows[0], caller=caller or Caller(), begin=MONDAY, answers=answers or Usual()
    )


async def finish(simulation: Simulation) -> list[Happening]:
    """Let it go to its end."""
    if not simulation.journal.entries:
        simulation.start()
    while not await simulation.settled():
        assert simulation.advance()
    return simulation.journal.entries


def test_the_call_is_what_the_interpreter_wants() -> None:
    port: type[CallPort] = SimulatedCall
    assert port is SimulatedCall


async def test_nothing_happens_until_time_is_let_on() -> None:
    call = simulation("actions: [{type: talk, option: {text: Hello there}}, {type: hangup}]")
    call.start()
    assert not await call.settled()
    assert not await call.settled()
    assert [entry.text for entry in call.journal.of(Kind.SAID)] == ["Hello there"]
    assert call.waits_for is not None
    assert (call.waits_for.what, call.waits_for.listens) == ("speaks", False)
    assert call.result is None
    assert (await finish(call))[-1].kind is Kind.ENDED


async def test_a_digit_cuts_a_prompt_that_allows_it() -> None:
    call = simulation(
        "actions: [{type: talk, option: {text: A very long text to be heard, digits_handle: next}}]"
    )
    call.start()
    await call.settled()
    call.press("5")
    await call.settled()
    assert call.clock.now() == 0.0
    assert call.result is not None
    assert call.result.variables["voipbin.call.digits"] == "5"


async def test_the_caller_is_known_to_the_flow() -> None:
    text = "actions: [{type: talk, option: {text: '${voipbin.call.source.target} ${voipbin.call.destination.type}'}}]"
    entries = await finish(simulation(text, caller=Caller("alice@example.org", "+15550100")))
    assert [entry.text for entry in entries if entry.kind is Kind.SAID] == ["alice@example.org tel"]


async def test_nobody_answers_within_the_time_of_the_step() -> None:
    class Nobody(Usual):
        def dial(self, destinations: Sequence[Address], dial_timeout: float) -> Dialled:
            return Dialled("noanswer")

    text = """
actions:
  - type: connect
    option:
      destinations: [{type: extension, target: "1"}, {type: extension, target: "2"}]
      ring_method: linear
      dial_timeout: 20000
"""
    call = simulation(text, answers=Nobody())
    await finish(call)
    assert call.clock.now() == 40.0
    assert call.result is not None
    assert call.result.variables["voipbin.connect.result"] == "noanswer"


@pytest.mark.parametrize(("rings", "result", "seconds"), [(5.0, "busy", 5.0), (60.0, "noanswer", 20.0)])
async def test_who_answers_later_than_the_step_waits_has_not_answered(
    rings: float, result: str, seconds: float
) -> None:
    class Late(Usual):
        def dial(self, destinations: Sequence[Address], dial_timeout: float) -> Dialled:
            return Dialled("busy", rings=rings)

    text = "actions: [{type: connect, option: {destinations: [{type: extension, target: '1'}], dial_timeout: 20000}}]"
    call = simulation(text, answers=Late())
    await finish(call)
    assert call.clock.now() == seconds
    assert call.result is not None
    assert call.result.variables["voipbin.connect.result"] == result


async def test_the_flow_afterwards_runs_without_the_call() -> None:
    first = "{name: first, on_complete_flow_id: second, actions: [{type: answer}]}"
    second = (
        "{name: second, actions: [{id: last, type: variable_set, option: {key: a, value: b}}, {type: beep}]}"
    )
    entries = await finish(simulation(first, second))
    outcomes = [(entry.text, entry.record.outcome) for entry in entries if entry.record is not None]
    assert outcomes == [("answer#1", "done"), ("last", "done"), ("beep#2", "skipped")]


async def test_a_recording_ends_by_silence_and_its_flow_runs() -> None:
    first = """
name: first
actions:
  - type: answer
  - {type: recording_start, option: {end_of_silence: 3, on_end_flow_id: told}}
  - {type: sleep, option: {duration: 20000}}
"""
    told = """
name: told
actions:
  - {type: webhook_send, option: {uri: 'https://a.example', data: '${voipbin.recording.filenames}'}}
"""
    call = simulation(first, told)
    call.start()
    await call.settled()
    call.clock.advance(2.0)
    call.speak("twenty-two letters ...")
    entries = await finish(call)
    (over,) = [entry for entry in entries if entry.detail == "silence"]
    assert round(over.at, 1) == 6.5  # 2 s, the words, 3 s
    (asked,) = [entry for entry in entries if entry.kind is Kind.ASKED]
    assert asked.detail.endswith(".wav")


@pytest.mark.parametrize(
    ("said", "expected"), [("twenty-two letters ...", "4.5 1.5 silence"), ("", "3.0 0.0 silence")]
)
async def test_a_flow_waits_for_a_recording_and_knows_how_much_was_said(said: str, expected: str) -> None:
    flow = """
name: first
actions:
  - type: answer
  - {type: recording_start, option: {end_of_silence: 3, wait: true}}
  - type: variable_set
    option:
      key: came
      value: "${voipbin.recording.duration} ${voipbin.recording.spoken} ${voipbin.recording.end_reason}"
"""
    call = simulation(flow)
    call.start()
    await call.settled()
    if said:
        call.speak(said)
    entries = await finish(call)
    assert call.result is not None
    assert call.result.variables["came"] == expected
    assert [entry.at for entry in entries if entry.text.startswith("variable_set")][-1] == pytest.approx(
        float(expected.split()[0]), abs=0.05
    )


async def test_who_hangs_up_ends_the_run() -> None:
    call = simulation("actions: [{type: answer}, {type: sleep, option: {duration: 60000}}]")
    call.start()
    await call.settled()
    call.hang_up()
    assert await call.settled()
    assert call.result is not None
    assert call.result.reason == "the caller hung up"
    assert call.clock.now() == 0.0
