"""The interpreter: order of steps, jumps, forks, limits, failures, ends, traces."""

import asyncio

import pytest

from flows import Ended, RunLimits
from tests.fakes.flowport import failing
from tests.flows.driving import Scene, played


async def test_steps_run_in_order_and_the_end_hangs_up() -> None:
    scene = await played("""
  - type: answer
  - type: talk
    option: {text: Hello}
  - type: play
    option: {stream_urls: [welcome.wav, bye.wav]}
  - type: beep
""")
    assert scene.log == ["answer", "say Hello", "play welcome.wav bye.wav", "beep", "hang_up normal"]
    assert scene.run.finished is not None
    assert scene.run.finished.ended is Ended.FINISHED


async def test_trace_tells_place_time_and_outcome_of_each_step() -> None:
    scene = await played("""
  - type: answer
  - id: greeting
    type: talk
    option: {text: Hello}
""")
    first, second = scene.trace.records
    assert (first.number, first.type, first.outcome, str(first.origin)) == (
        1,
        "answer",
        "done",
        "main.yaml:2",
    )
    assert (second.number, second.step_id, str(second.origin)) == (2, "greeting", "main.yaml:3")
    assert (second.seconds, second.flow, second.run_id) == (2.0, "main", scene.run.id)


async def test_next_id_replaces_the_following_step() -> None:
    scene = await played("""
  - type: talk
    option: {text: one}
    next_id: three
  - id: two
    type: talk
    option: {text: two}
    next_id: 00000000-0000-0000-0000-000000000002
  - id: three
    type: talk
    option: {text: three}
    next_id: two
""")
    assert scene.said == ["one", "three", "two"]


async def test_hangup_ends_the_run_with_its_reason() -> None:
    scene = Scene("""
  - id: bye
    type: hangup
    option: {reason: busy}
""")
    result = await scene.play()
    assert scene.log == ["hang_up busy"]
    assert (result.ended, result.reason) == (Ended.HUNG_UP, "busy")
    assert scene.trace.steps() == [("bye", "ended")]


async def test_a_hangup_that_fails_falls_back_to_reason_normal() -> None:
    scene = Scene("  - {type: hangup, option: {reason: busy}}")
    scene.call.fail["hang_up busy"] = failing("busy cannot be said any more")
    result = await scene.play()
    assert result.ended is Ended.FAILED
    assert scene.log == ["hang_up busy", "hang_up normal"]


async def test_the_end_of_the_call_that_a_hangup_brings_does_not_disturb_it() -> None:
    scene = Scene("  - {type: hangup, option: {reason: busy}}")
    scene.call.on_hang_up = lambda: scene.run.stop("call ended")
    result = await scene.play()
    assert (result.ended, result.reason) == (Ended.HUNG_UP, "busy")


async def test_stop_ends_the_run_and_hangs_up() -> None:
    scene = Scene("  - {type: stop}")
    result = await scene.play()
    assert (result.ended, scene.log) == (Ended.STOPPED, ["hang_up normal"])


async def test_goto_counts_down_and_falls_through() -> None:
    scene = await played("""
  - id: prompt
    type: talk
    option: {text: again}
  - id: loop
    type: goto
    option: {target_id: prompt, loop_count: 2}
  - type: talk
    option: {text: enough}
""")
    assert scene.said == ["again", "again", "again", "enough"]
    assert scene.details("loop") == ["goes to 'prompt'", "goes to 'prompt'", "has jumped often enough"]


async def test_goto_is_not_reset_when_it_is_reached_again() -> None:
    scene = await played("""
  - id: one
    type: talk
    option: {text: one}
  - type: goto
    option: {target_id: one, loop_count: 1}
  - type: goto
    option: {target_id: one, loop_count: 1}
""")
    assert scene.said == ["one", "one", "one"]


async def test_goto_without_count_never_jumps() -> None:
    scene = await played("""
  - id: one
    type: talk
    option: {text: one}
  - {type: goto, option: {target_id: one}}
""")
    assert scene.said == ["one"]


async def test_goto_takes_its_count_from_a_variable() -> None:
    text = """
  - id: one
    type: talk
    option: {text: one}
  - id: loop
    type: goto
    option: {target_id: one, loop_count: "${rounds}"}
"""
    scene = await played(text, variables={"rounds": "2"})
    assert scene.said == ["one", "one", "one"]
    scene = await played(text, variables={"rounds": "many"})
    assert scene.said == ["one"]
    assert scene.trace.steps()[-1] == ("loop", "failed")


async def test_a_fetched_flow_returns_to_the_following_step_three_deep() -> None:
    scene = await played(
        """
  - {type: fetch_flow, option: {flow_id: a}}
  - {type: talk, option: {text: main}}
""",
        others={
            "a": "  - {type: fetch_flow, option: {flow_id: b}}\n  - {type: talk, option: {text: a}}",
            "b": "  - {type: fetch_flow, option: {flow_id: c}}\n  - {type: talk, option: {text: b}}",
            "c": "  - {type: talk, option: {text: c}}",
        },
    )
    assert scene.said == ["c", "b", "a", "main"]
    assert [record.flow for record in scene.trace.records] == ["main", "a", "b", "c", "b", "a", "main"]


async def test_a_flow_is_fetched_by_its_uuid_too() -> None:
    inner = "name: inner\nid: 5B1F0A52-0000-4000-8000-00000000000A\nactions: [{type: talk, option: {text: inner}}]"
    scene = await played(
        "  - {type: fetch_flow, option: {flow_id: 5b1f0a52-0000-4000-8000-00000000000a}}", others={"x": inner}
    )
    assert scene.said == ["inner"]


async def test_a_step_after_the_fetch_named_by_the_fetched_flow_is_found_up_the_return_chain() -> None:
    main = """
  - {type: fetch_flow, option: {flow_id: "${which}"}}
  - {type: talk, option: {text: passed over}}
  - id: rescue
    type: talk
    option: {text: rescued}
"""
    inner = "  - {type: goto, option: {target_id: '${to}', loop_count: 1}}\n  - {type: talk, option: {text: inner}}"
    scene = await played(main, others={"inner": inner}, variables={"which": "inner", "to": "rescue"})
    assert scene.said == ["rescued"]


async def test_jumping_to_a_missing_step_ends_the_run_visibly() -> None:
    scene = Scene("  - {id: go, type: goto, option: {target_id: '${to}', loop_count: 1}}")
    result = await scene.play()
    assert result.ended is Ended.FAILED
    assert scene.trace.steps() == [("go", "failed")]
    assert scene.log == ["hang_up normal"]


async def test_a_missing_flow_at_run_time_ends_the_run() -> None:
    scene = Scene("  - {id: get, type: fetch_flow, option: {flow_id: '${x}'}}", variables={"x": "gone"})
    result = await scene.play()
    assert (result.ended, scene.details("get")) == (Ended.FAILED, ["there is no flow 'gone'"])
    assert "main.yaml:2" in result.reason


async def test_flows_inside_each_other_are_bounded() -> None:
    scene = Scene(
        "  - {type: beep}\n  - {type: fetch_flow, option: {flow_id: '${me}'}}", variables={"me": "main"}
    )
    result = await scene.play()
    assert result.ended is Ended.FAILED
    assert scene.log.count("beep") == 100


async def test_reserved_ids_mean_start_next_and_finish() -> None:
    scene = await played("""
  - {type: talk, option: {text: one}}
  - type: goto
    option: {target_id: 00000000-0000-0000-0000-000000000001, loop_count: 1}
  - type: goto
    option: {target_id: 00000000-0000-0000-0000-000000000003, loop_count: 1}
  - {type: talk, option: {text: two}}
  - type: branch
    option: {default_target_id: 00000000-0000-0000-0000-000000000002}
""")
    assert scene.said == ["one", "one", "two"]


async def test_steps_are_found_by_their_uuid() -> None:
    scene = Scene("""
  - {type: goto, option: {target_id: "${to}", loop_count: 1}}
  - {type: talk, option: {text: passed over}}
  - id: there
    type: talk
    option: {text: there}
""")
    scene.run.variables.set("to", str(scene.run.flow.actions[2].uuid))
    await scene.play()
    assert scene.said == ["there"]


async def test_a_failed_prompt_is_skipped_visibly() -> None:
    scene = Scene("  - {id: prompt, type: talk, option: {text: Hello}}\n  - {type: beep}")
    scene.call.fail["say"] = failing("no voice for xx")
    result = await scene.play()
    assert result.ended is Ended.FINISHED
    assert scene.log == ["answer", "say Hello", "beep", "hang_up normal"]
    assert scene.trace.records[0].outcome == "failed"
    assert scene.details("prompt") == ["no voice for xx"]


async def test_a_fault_of_a_port_ends_the_run_hangs_up_and_is_raised() -> None:
    scene = Scene("  - {id: tone, type: beep}\n  - {type: talk, option: {text: unheard}}")
    scene.call.fail["beep"] = ZeroDivisionError("fault of the port")
    with pytest.raises(ZeroDivisionError):
        await scene.play()
    assert scene.log == ["beep", "hang_up normal"]
    assert scene.details("tone") == ["internal error: ZeroDivisionError"]
    assert scene.run.finished is not None
    assert scene.run.finished.ended is Ended.FAILED


async def test_steps_that_need_a_call_are_skipped_visibly_without_one() -> None:
    scene = Scene(
        """
  - {id: hello, type: talk, option: {text: Hello}}
  - {id: set, type: variable_set, option: {key: done, value: "yes"}}
  - {id: bye, type: hangup}
""",
        with_call=False,
    )
    result = await scene.play()
    assert scene.trace.steps() == [("hello", "skipped"), ("set", "done"), ("bye", "skipped")]
    assert (result.ended, result.variables["done"]) == (Ended.FINISHED, "yes")


async def test_steps_in_a_row_without_waiting_are_limited() -> None:
    spin = "  - {id: a, type: branch, option: {variable: x, default_target_id: a}}"
    scene = Scene(spin)
    result = await scene.play()
    assert (result.ended, result.steps) == (Ended.FAILED, 201)
    assert "200 steps without waiting" in result.reason


async def test_a_step_that_waits_begins_a_new_row() -> None:
    scene = Scene(
        """
  - {id: a, type: beep}
  - {type: goto, option: {target_id: a, loop_count: 300}}
"""
    )
    result = await scene.play()
    assert (result.ended, scene.log.count("beep")) == (Ended.FINISHED, 301)


async def test_steps_of_a_run_are_limited() -> None:
    scene = Scene(
        "  - {id: a, type: beep}\n  - {type: goto, option: {target_id: a, loop_count: 99}}",
        limits=RunLimits(steps=10),
    )
    result = await scene.play()
    assert (result.ended, result.steps) == (Ended.FAILED, 11)
    assert scene.trace.records[-1].outcome == "failed"


async def test_the_end_of_the_call_ends_the_run_at_once() -> None:
    scene = Scene("  - {id: wait, type: sleep, option: {duration: 60000}}\n  - {type: beep}").at(5, "end")
    result = await scene.play()
    assert (result.ended, result.reason) == (Ended.CANCELLED, "the caller hung up")
    assert (scene.clock.now(), scene.log) == (5, [])
    assert scene.trace.steps() == [("wait", "ended")]
    assert scene.details("wait") == ["the caller hung up"]


async def test_a_prompt_is_silenced_when_the_call_ends() -> None:
    scene = Scene("  - {type: talk, option: {text: A long story, digits_handle: next}}").at(1, "end")
    result = await scene.play()  # fails if the sound goes on
    assert result.ended is Ended.CANCELLED


async def test_stopping_a_run_hangs_the_living_call_up() -> None:
    scene = Scene("  - {type: answer}\n  - {type: sleep, option: {duration: 60000}}").at(5, "stop")
    result = await scene.play()
    assert result.ended is Ended.CANCELLED
    assert scene.log == ["answer", "hang_up normal"]


async def test_a_run_stopped_before_it_began_does_nothing() -> None:
    scene = Scene("  - {type: answer}")
    scene.call.end()
    scene.run.stop("call ended")
    result = await scene.play()
    assert (result.ended, result.steps, scene.log) == (Ended.CANCELLED, 0, [])


async def test_stop_and_digits_after_the_end_change_nothing() -> None:
    scene = Scene("  - {type: answer}")
    result = await scene.play()
    scene.run.stop("too late")
    scene.run.digit("1")
    assert scene.run.finished is result
    assert scene.run.variables["voipbin.call.digits"] == ""


async def test_cancelling_the_task_cleans_up() -> None:
    scene = Scene("""
  - type: talk
    option: {text: In the background, async: true}
  - type: sleep
    option: {duration: 60000}
""")
    task = asyncio.ensure_future(scene.run.execute())
    for _ in range(10):
        await asyncio.sleep(0)
    assert scene.call.running == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.call.running == 0


async def test_an_async_prompt_plays_beside_the_following_steps() -> None:
    scene = await played("""
  - type: talk
    option: {text: In the background, async: true}
  - type: sleep
    option: {duration: 1000}
  - type: beep
""")
    assert scene.clock.now() == 1.5
    assert scene.log == ["answer", "say In the background", "beep", "hang_up normal"]


async def test_an_async_prompt_that_fails_is_visible() -> None:
    scene = Scene("""
  - {id: back, type: talk, option: {text: Hello, async: yes}}
  - {type: sleep, option: {duration: 1000}}
""")
    scene.call.fail["say"] = failing("no voice")
    await scene.play()
    assert ("back", "failed") in scene.trace.steps()
    assert scene.details("back") == ["goes on in the background", "in the background: no voice"]


async def test_the_flow_to_run_afterwards_is_named_however_the_call_ends() -> None:
    text = "on_complete_flow_id: after\nactions: [{type: sleep, option: {duration: 9000}}]"
    after = "  - {type: variable_set, option: {key: a, value: b}}"
    for scene in (Scene(text, others={"after": after}), Scene(text, others={"after": after}).at(1, "end")):
        result = await scene.play()
        assert result.next_flow is not None
        assert (result.next_flow.name, result.complete_count) == ("after", 1)


async def test_at_most_four_runs_follow_the_first() -> None:
    text = "on_complete_flow_id: main\nactions: [{type: variable_set, option: {key: a, value: b}}]"
    for count, goes_on in ((0, True), (3, True), (4, False)):
        scene = Scene(text, with_call=False, complete_count=count)
        result = await scene.play()
        assert (result.next_flow is not None) is goes_on
        assert result.variables["voipbin.activeflow.complete_count"] == str(count)


async def test_a_following_run_knows_the_one_before_it() -> None:
    first = await played("  - {type: answer}")
    assert first.run.finished is not None
    second = Scene("  - {type: beep}", variables=first.run.finished.variables, complete_count=1)
    result = await second.play()
    assert result.variables["voipbin.activeflow.reference_activeflow_id"] == first.run.id
    assert result.variables["voipbin.activeflow.id"] == second.run.id


async def test_a_run_keeps_the_version_it_started_with() -> None:
    scene = Scene(
        "  - {type: sleep, option: {duration: 1000}}\n  - {type: fetch_flow, option: {flow_id: inner}}",
        others={"inner": "  - {type: talk, option: {text: old}}"},
    )
    newer = Scene("  - {type: beep}", others={"inner": "  - {type: talk, option: {text: new}}"})
    await scene.play()
    assert scene.said == ["old"]
    assert newer.flows.get("inner") is not scene.flows.get("inner")


async def test_a_run_is_executed_once() -> None:
    scene = await played("  - {type: answer}")
    with pytest.raises(RuntimeError, match="once"):
        await scene.run.execute()
