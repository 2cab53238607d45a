"""`connect` and `call`: what they ask, what they leave in the variables, how they end."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from flows import Address, ConnectResult, Ended, FlowSet, Run, load_flow_text, load_flows
from tests.fakes.clock import VirtualClock
from tests.fakes.flowport import ScriptedCall, TraceList, failing
from tests.flows.driving import Scene, flow, played

DESK = "{type: extension, target: '1000'}"
SHOP = "{type: extension, target_name: '1001'}"
REPORT = "  - {type: talk, option: {text: '${voipbin.connect.result} ${voipbin.connect.reason}'}}"


def connect(more: str = "", to: str = DESK) -> str:
    return f"  - {{id: c, type: connect, option: {{destinations: [{to}]{more}}}}}\n"


@pytest.mark.parametrize(
    ("option", "asked"),
    [
        (f"destinations: [{DESK}, {SHOP}]", ["connect extension:1000+extension:1001 ring_all 60 auto"]),
        (
            f"source: {{type: tel, target: '+15550100'}}, destinations: [{DESK}]",
            ["connect tel:+15550100>extension:1000 ring_all 60 auto"],
        ),
        (
            f"destinations: [{DESK}], ring_method: linear, dial_timeout: 20000, anonymous: yes, early_media: on",
            ["connect extension:1000 linear 20 yes", "early_media"],
        ),
        (
            "destinations: [{type: '${kind}', target: '${who}'}], anonymous: ''",
            ["connect sip:bob@example.org ring_all 60 auto"],
        ),
    ],
)
async def test_what_connect_asks(option: str, asked: list[str]) -> None:
    scene = await played(
        f"  - {{type: connect, option: {{{option}}}}}", variables={"kind": "sip", "who": "bob@example.org"}
    )
    assert scene.log == [*asked, "hang_up normal"]


async def test_the_flow_goes_on_when_the_called_has_hung_up() -> None:
    scene = Scene(connect() + REPORT)
    result = await scene.play()
    assert scene.said == ["answered "]
    assert scene.clock.now() == 15.0  # rings 3 s, talks 10 s, and 2 s of prompt
    assert result.variables["voipbin.connect.call_id"] == "b-leg"


@pytest.mark.parametrize("result", ["busy", "noanswer", "refused", "unreachable", "canceled", "failed"])
async def test_a_failure_goes_on_at_once_and_says_why(result: str) -> None:
    scene = Scene(connect() + REPORT)
    scene.call.connects = [ConnectResult(result, "486 Busy Here", 486)]  # type: ignore[arg-type]
    await scene.play()
    assert scene.said == [f"{result} 486 Busy Here"]
    assert scene.trace.steps()[0] == ("c", "done")
    assert scene.details("c") == [f"{result}: 486 Busy Here"]
    assert "answer" in scene.log  # by the prompt: the connect itself did not answer
    assert scene.log[-1] == "hang_up normal"


async def test_the_step_says_who_was_not_called_at_all() -> None:
    left_out = ("no phone is registered for extension 1001", "there is no extension 7")
    scene = Scene(connect() + REPORT)
    scene.call.connects = [ConnectResult("busy", "486 Busy Here", 486, left_out=left_out)]
    await scene.play()
    assert scene.said == ["busy 486 Busy Here"]  # what flows compare stays as it was
    assert scene.details("c") == [f"busy: 486 Busy Here (not called: {', '.join(left_out)})"]


async def test_each_connect_reports_anew() -> None:
    scene = Scene(connect() + REPORT + "\n" + connect().replace("id: c", "id: d") + REPORT)
    scene.call.connects = [ConnectResult("busy", "486", 486, "x"), ConnectResult("answered", "", 200, "y")]
    result = await scene.play()
    assert scene.said == ["busy 486", "answered "]
    assert result.variables["voipbin.connect.call_id"] == "y"


async def test_relay_reason_hangs_up_with_the_same_status_when_nobody_answers() -> None:
    scene = Scene(connect(", relay_reason: true") + REPORT)
    scene.call.connects = [ConnectResult("refused", "603 Decline", 603)]
    scene.call.on_hang_up = lambda: scene.run.stop("call ended")
    result = await scene.play()
    assert scene.log[-1] == "hang_up busy 603"
    assert (result.ended, result.reason) == (Ended.HUNG_UP, "refused: 603 Decline")
    assert result.variables["voipbin.connect.result"] == "refused"


async def test_relay_reason_goes_on_after_an_answered_call() -> None:
    scene = await played(connect(", relay_reason: true") + REPORT)
    assert scene.said == ["answered "]


async def test_a_port_that_cannot_connect_is_a_failed_step_that_the_flow_survives() -> None:
    scene = Scene(connect() + REPORT)
    scene.call.fail["connect"] = failing("no media port is free")
    await scene.play()
    assert scene.trace.steps()[0] == ("c", "failed")
    assert scene.said == ["failed no media port is free"]


@pytest.mark.parametrize("who", ["", "anonymous", "a\r\nb", "*" * 300])
async def test_odd_values_of_variables_reach_the_port_without_control_characters(who: str) -> None:
    scene = Scene(
        connect(
            ", source: {type: tel, target: '${who}', target_name: '${who}'}", "{type: tel, target: '${who}'}"
        ),
        variables={"who": who},
    )
    await scene.play()
    text = who.replace("\r\n", "")
    assert scene.log[0] == f"connect tel:{text}>tel:{text} ring_all 60 auto"


@pytest.mark.parametrize(
    ("after", "result"), [(1, "canceled"), (5, "answered")], ids=["while it rings", "while they talk"]
)
async def test_the_end_of_the_caller_ends_all_and_the_result_stays(after: float, result: str) -> None:
    scene = Scene(connect() + REPORT).at(after, "end")
    end = await scene.play()  # fails if ringing or bridge go on
    assert end.ended is Ended.CANCELLED
    assert scene.said == []
    assert end.variables["voipbin.connect.result"] == result


async def test_digits_before_and_during_a_conversation_do_not_count_after_it() -> None:
    scene = Scene(
        "  - {type: sleep, option: {duration: 1000}}\n"
        + connect()
        + "  - {id: ask, type: digits_receive, option: {duration: 5000, length: 2}}"
    )
    scene.at(0.5, "1").at(2, "2").at(8, "3").at(15, "7").at(16, "8")
    result = await scene.play()
    assert scene.clock.now() == 16
    assert result.variables["voipbin.call.digits"] == "78"


async def test_digits_do_not_end_a_conversation() -> None:
    scene = Scene(connect()).at(1, "1").at(5, "#")
    await scene.play()
    assert scene.clock.now() == 13


# call


def test_destinations_are_found_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("""
actions:
  - type: connect
    option:
      destinations:
        - {type: extension, target: "1000"}
        - {type: extension, target: "${who}"}
        - {type: extension, target_name: "1001"}
  - type: call
    option:
      destinations: [{type: tel, target: "+15550100"}]
      actions:
        - {type: conference_join, option: {conference_id: meeting}}
        - {type: conference_join, option: {conference_id: "${room}"}}
""")
    flows, findings = load_flows(tmp_path)
    assert flows is not None, findings
    assert [(a, o.line, o.column) for a, o in flows.destinations()] == [
        (Address("extension", "1000"), 6, 37),
        (Address("extension", "", "1001"), 8, 42),
        (Address("tel", "+15550100"), 11, 42),
        (Address("conference", "meeting"), 13, 59),
    ]


async def test_a_call_is_not_waited_for() -> None:
    scene = await played(
        """
  - {type: call, option: {destinations: [{type: tel, target: "+15550100"}], flow_id: alarm}}
  - {type: beep}
""",
        others={"alarm": "  - {type: talk, option: {text: Alarm}}"},
    )
    assert scene.log == ["call tel:+15550100 alarm auto", "beep", "hang_up normal"]
    assert scene.call.called == [scene.flows.get("alarm")]


async def test_options_of_a_call_reach_the_port() -> None:
    scene = await played(
        f"""
  - id: nurse
    type: call
    option:
      source: {{type: extension, target: "7"}}
      destinations: [{DESK}, {SHOP}]
      actions: [{{type: beep}}]
      chained: true
      early_execution: "${{early}}"
      anonymous: no
""",
        variables={"early": "yes"},
    )
    assert scene.log[0] == "call extension:7>extension:1000+extension:1001 main/nurse no chained early"


NURSE = """
  - {type: digits_receive, option: {duration: 1000}}
  - {type: variable_set, option: {key: room, value: "7"}}
  - type: call
    option:
      destinations: [{type: extension, target: "1000"}]
      actions:
        - {type: talk, option: {text: "${voipbin.call.source.target} in ${room}, ${voipbin.call.digits}${mine}"}}
        - {type: variable_set, option: {key: mine, value: "!"}}
        - {type: variable_set, option: {key: room, value: "8"}}
        - {id: again, type: talk, option: {text: "${room}${mine}"}}
        MORE
  - {type: variable_set, option: {key: room, value: "9"}}
"""


async def _child(scene: Scene, **variables: str) -> Scene:
    """Play the flow that the scene's call step gave to the new call."""
    given = scene.call.called[0]
    child = Scene("  - {type: beep}", variables=variables)
    child.run = Run(
        scene.flows, given, call=child.call, clock=child.clock, trace=child.trace, variables=variables
    )
    child.at(5, "4")
    await child.play()
    return child


async def test_steps_inside_a_call_see_the_values_of_the_outer_run() -> None:
    scene = Scene(NURSE.replace("MORE", ""), variables={"voipbin.call.source.target": "1001"}).at(0.1, "5")
    await scene.play()
    child = await _child(scene, **{"voipbin.call.source.target": "1000"})
    assert child.said == ["1001 in 7, 5", "8!"]
    assert child.run.variables["voipbin.call.source.target"] == "1000"


async def test_steps_inside_a_call_that_receive_digits_see_their_own() -> None:
    more = """- {type: digits_receive, option: {duration: 9000}}
        - {type: talk, option: {text: "${voipbin.call.digits}"}}"""
    scene = Scene(NURSE.replace("MORE", more)).at(0.1, "5")
    await scene.play()
    child = await _child(scene)
    assert child.said[-1] == "4"


async def test_values_of_callers_are_not_read_as_references() -> None:
    scene = Scene(
        NURSE.replace("MORE", ""), variables={"voipbin.call.source.target": "${secret}", "secret": "4711"}
    )
    await scene.play()
    child = await _child(scene, secret="4711")
    assert child.said[0].startswith("${secret} in 7")


async def test_a_run_without_a_call_can_place_one() -> None:
    text = f"  - {{id: c, type: call, option: {{destinations: [{DESK}], actions: [{{type: beep}}]}}}}"
    scene = Scene(text, with_call=False, dials=True)
    await scene.play()
    assert scene.log == ["call extension:1000 main/c auto"]
    scene = Scene(text, with_call=False)
    result = await scene.play()
    assert (result.ended, scene.details("c")) == (Ended.FINISHED, ["this run cannot place calls"])


async def test_steps_inside_a_call_are_trusted_as_far_as_their_flow() -> None:
    loaded, _ = load_flow_text(
        f"actions: [{{type: call, option: {{destinations: [{DESK}], actions: [{{type: beep}}]}}}}]",
        Path("x.yaml"),
    )
    assert loaded is not None
    clock = VirtualClock()
    call = ScriptedCall(clock)
    await clock.run(Run(FlowSet(), replace(loaded, trusted=False), call=call, clock=clock).execute())
    assert [inner.trusted for inner in call.called] == [False]


async def test_a_missing_flow_of_a_call_is_visible_and_survived() -> None:
    scene = await played(
        f"  - {{id: c, type: call, option: {{destinations: [{DESK}], flow_id: '${{x}}'}}}}\n  - {{type: beep}}",
        variables={"x": "gone"},
    )
    assert scene.details("c") == ["there is no flow 'gone'"]
    assert scene.log == ["beep", "hang_up normal"]


def test_every_action_includes_those_inside_calls() -> None:
    text = f"""
  - type: call
    option:
      destinations: [{DESK}]
      actions:
        - {{type: call, option: {{destinations: [{DESK}], actions: [{{type: beep}}]}}}}
  - type: stop
"""
    assert [action.type for action in flow(text).every_action()] == ["call", "call", "beep", "stop"]


async def test_cancelling_a_connect_from_outside_leaves_nothing() -> None:
    clock = VirtualClock()
    call, trace = ScriptedCall(clock), TraceList()
    run = Run(FlowSet(), flow(connect()), call=call, clock=clock, trace=trace)
    task = asyncio.ensure_future(run.execute())
    for _ in range(10):
        await asyncio.sleep(0)
    assert call.running == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.running == 0
