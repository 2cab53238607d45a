"""A run steered from outside: pushed steps, jumps, blocks; whenever that comes."""

import asyncio
import random

import pytest

from flows import About, ControlRefused, Ended, StepsRefused
from flows.control import MAX_PUSHED
from flows.model import FINISH_ID, NEXT_ID, START_ID
from tests.flows.driving import Scene

TALKS = """
  - {id: one, type: talk, option: {text: one}}
  - {id: two, type: talk, option: {text: two}}
  - {id: three, type: talk, option: {text: three}}
"""
PUSHED = [{"type": "talk", "option": {"text": "pushed"}}]
BLOCK = """
  - {id: wait, type: block}
  - {id: set, type: variable_set, option: {key: done, value: "yes"}}
"""
API = About("api")


def say(text: str) -> dict[str, object]:
    return {"type": "talk", "option": {"text": text}}


async def test_pushed_steps_run_after_the_step_in_hand_and_then_the_flow_goes_on() -> None:
    scene = Scene(TALKS)
    scene.at(1, lambda: scene.run.push([say("a"), say("b")]))
    result = await scene.play()
    assert scene.said == ["one", "a", "b", "two", "three"]
    assert (result.ended, scene.clock.now()) == (Ended.FINISHED, 10)
    assert [record.flow for record in scene.trace.records][1:3] == ["main/pushed", "main/pushed"]


async def test_lists_pushed_one_after_the_other_run_in_that_order() -> None:
    scene = Scene(TALKS)
    scene.at(1, lambda: scene.run.push([say("a")]), lambda: scene.run.push([say("b"), say("c")]))
    await scene.play()
    assert scene.said == ["one", "a", "b", "c", "two", "three"]


async def test_steps_pushed_during_pushed_steps_come_first() -> None:
    scene = Scene(TALKS)
    scene.at(1, lambda: scene.run.push([say("a"), say("b")]))
    scene.at(3, lambda: scene.run.push([say("inside")]))
    await scene.play()
    assert scene.said == ["one", "a", "inside", "b", "two", "three"]


async def test_steps_pushed_before_the_run_begins_and_during_its_last_step() -> None:
    scene = Scene("  - {type: talk, option: {text: only}}")
    scene.run.push([say("first")])
    scene.at(3, lambda: scene.run.push([say("last")]))
    await scene.play()
    assert scene.said == ["first", "only", "last"]


async def test_pushed_steps_do_not_lose_the_jump_of_the_step_in_hand() -> None:
    scene = Scene("""
  - {type: digits_receive, option: {duration: 5000, length: 1}, next_id: far}
  - {id: near, type: talk, option: {text: near}, next_id: end}
  - {id: far, type: talk, option: {text: far}, next_id: near}
  - {id: end, type: hangup}
""")
    scene.at(1, lambda: scene.run.push(PUSHED)).at(2, "1")
    await scene.play()
    assert scene.said == ["pushed", "far", "near"]


async def test_pushed_steps_may_lead_to_steps_of_the_run() -> None:
    scene = Scene(TALKS)
    jump = {"type": "goto", "option": {"target_id": "three", "loop_count": 1}}
    scene.at(1, lambda: scene.run.push([jump]))
    await scene.play()
    assert scene.said == ["one", "three"]


async def test_faulty_steps_are_refused_and_change_nothing() -> None:
    scene = Scene(TALKS)
    refused: list[str] = []

    def push(actions: object) -> None:
        with pytest.raises(StepsRefused) as fault:
            scene.run.push(actions)
        refused.append(fault.value.findings[0].message)

    for actions in ([{"type": "dance"}], [{"type": "talk"}], [], "talk", None, [{"type": "goto"}]):
        scene.at(1, lambda actions=actions: push(actions))  # type: ignore[misc]
    await scene.play()
    assert refused[:3] == [
        "actions.0.type: 'dance' is an unknown action type",
        "actions.0: 'text' is missing",
        "actions: is empty",
    ]
    assert len(refused) == 6
    assert scene.said == ["one", "two", "three"]


async def test_pushed_files_are_not_played_from_this_machine() -> None:
    scene = Scene(TALKS)
    scene.at(1, lambda: scene.run.push([{"type": "play", "option": {"stream_urls": ["/etc/passwd"]}}]))
    await scene.play()
    assert "play /etc/passwd (not trusted)" in scene.log


async def test_waiting_lists_are_bounded() -> None:
    scene = Scene(TALKS)
    for _ in range(MAX_PUSHED):
        scene.run.push(PUSHED)
    with pytest.raises(ControlRefused, match="wait already"):
        scene.run.push(PUSHED)
    await scene.play()
    assert scene.said.count("pushed") == MAX_PUSHED


@pytest.mark.parametrize(
    ("target", "now", "said", "seconds"),
    [
        ("three", False, ["one", "three"], 4),
        ("three", True, ["one", "three"], 3),
        ("one", True, ["one", "one", "two", "three"], 7),
        (START_ID, True, ["one", "one", "two", "three"], 7),
        (NEXT_ID, True, ["one", "two", "three"], 5),
        (NEXT_ID, False, ["one", "two", "three"], 6),
        (FINISH_ID, False, ["one"], 2),
        (FINISH_ID, True, ["one"], 1),
    ],
)
async def test_jumps(target: str, now: bool, said: list[str], seconds: float) -> None:
    scene = Scene(TALKS)
    scene.at(1, lambda: scene.run.jump(target, now=now))
    result = await scene.play()
    assert (scene.said, scene.clock.now(), result.ended) == (said, seconds, Ended.FINISHED)
    assert scene.trace.records[0].outcome == "done"
    assert scene.trace.records[0].detail == ("left by a jump from outside" if now else "")


async def test_pushed_steps_that_cannot_wait_come_with_a_jump_to_the_following_step() -> None:
    scene = Scene(TALKS)
    scene.at(1, lambda: scene.run.push(PUSHED), lambda: scene.run.jump(NEXT_ID, now=True))
    await scene.play()
    assert (scene.said, scene.clock.now()) == (["one", "pushed", "two", "three"], 7)


async def test_a_jump_to_a_step_without_a_name_goes_by_the_uuid_that_is_shown_of_it() -> None:
    scene = Scene("""
  - {type: talk, option: {text: one}}
  - {type: talk, option: {text: two}}
  - {type: talk, option: {text: three}}
""")
    scene.at(1, lambda: scene.run.jump(str(scene.run.flow.actions[2].uuid)))
    await scene.play()
    assert scene.said == ["one", "three"]


async def test_a_jump_by_uuid_and_out_of_a_fetched_flow() -> None:
    scene = Scene(
        "  - {type: fetch_flow, option: {flow_id: inner}}\n" + TALKS,
        others={"inner": "  - {type: sleep, option: {duration: 60000}}\n  - {type: beep}"},
    )
    target = str(scene.run.first_flow.actions[3].uuid).upper()
    scene.at(5, lambda: scene.run.jump(target, now=True))
    await scene.play()
    assert (scene.said, "beep" in scene.log) == (["three"], False)


@pytest.mark.parametrize(
    "step",
    [
        "{type: sleep, option: {duration: 60000}}",
        "{type: talk, option: {text: long, digits_handle: next}}",
        "{type: digits_receive, option: {duration: 60000, length: 4}}",
        "{type: connect, option: {destinations: [{type: tel, target: '+15550100'}]}}",
        "{type: confbridge_join, option: {confbridge_id: room}}",
        "{type: echo, option: {duration: 60000}}",
    ],
)
async def test_every_waiting_step_is_left_cleanly(step: str) -> None:
    scene = Scene(f"  - {step}\n  - {{id: end, type: talk, option: {{text: end}}}}")
    scene.at(1, lambda: scene.run.jump("end", now=True))
    scene.at(1.5, "7")  # digits are heard again after a conversation was cut
    result = await scene.play()  # fails if a sound goes on
    assert (result.ended, scene.said[-1], scene.clock.now()) == (Ended.FINISHED, "end", 3)
    assert result.variables["voipbin.call.digits"] == "7"


async def test_the_last_jump_counts_and_unknown_steps_are_refused() -> None:
    scene = Scene(TALKS)

    def jump() -> None:
        scene.run.jump("two")
        scene.run.jump("three")
        with pytest.raises(ControlRefused, match="no step 'four'"):
            scene.run.jump("four", now=True)
        assert scene.run.forward == "three"

    scene.at(1, jump)
    await scene.play()
    assert scene.said == ["one", "three"]


async def test_a_hangup_is_not_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene("  - {id: x, type: answer}\n  - {id: bye, type: hangup, option: {reason: busy}}")
    hang_up = scene.call.hang_up

    async def slowly(reason: str, *, reference_id: str = "", status: int = 0) -> None:
        await scene.clock.sleep(2)
        await hang_up(reason, reference_id=reference_id, status=status)

    monkeypatch.setattr(scene.call, "hang_up", slowly)
    scene.at(1, lambda: scene.run.jump("x", now=True))
    result = await scene.play()
    assert (result.ended, scene.log) == (Ended.HUNG_UP, ["answer", "hang_up busy"])


async def test_a_jump_asked_for_by_a_step_that_ends_without_waiting_harms_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene("  - {type: answer}" + TALKS)

    async def answer() -> None:
        scene.run.jump("two", now=True)

    monkeypatch.setattr(scene.call, "answer", answer)
    scene.call._status = "progressing"
    result = await scene.play()
    assert (result.ended, scene.said) == (Ended.FINISHED, ["two", "three"])


async def test_steps_after_a_jump_are_not_taken_for_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene("  - {id: wait, type: sleep, option: {duration: 9000}}\n  - {id: end, type: beep}")
    counts: list[int] = []

    async def beep() -> None:
        task = asyncio.current_task()
        assert task is not None
        counts.append(task.cancelling())

    monkeypatch.setattr(scene.call, "beep", beep)
    scene.at(1, lambda: scene.run.jump("end", now=True))
    await scene.play()
    assert counts == [0]


async def test_a_jump_asked_for_by_who_watches_the_step() -> None:
    scene = Scene(TALKS + "  - {type: variable_set, option: {key: a, value: b}}\n  - {id: end, type: beep}")

    def watch(number: int) -> None:
        if number == 2:
            scene.run.jump("end", now=True)

    scene.run._began = lambda step: watch(step.number)
    await scene.play()
    assert scene.log == ["answer", "say one", "say two", "beep", "hang_up normal"]


async def test_a_block_waits_until_it_is_let_go_on() -> None:
    scene = Scene(BLOCK, with_call=False, about=API)
    scene.at(3600, lambda: scene.run.proceed("wait"))
    result = await scene.play()
    assert (result.ended, result.variables["done"], scene.clock.now()) == (Ended.FINISHED, "yes", 3600)


async def test_only_the_block_that_waits_is_let_go_on() -> None:
    scene = Scene(BLOCK + "  - {id: again, type: block}", with_call=False, about=API)
    run = scene.run

    def refused(action_id: str, why: str) -> None:
        with pytest.raises(ControlRefused, match=why):
            run.proceed(action_id)

    refused("wait", "does not wait")
    scene.at(1, lambda: refused("set", "waits in step 'wait'"), lambda: run.proceed(str(run.action.uuid)))
    scene.at(1, lambda: refused("", "does not wait"))  # it is on its way
    scene.at(2, lambda: refused("wait", "waits in step 'again'"), run.proceed)
    await scene.play()
    refused("", "is over")


async def test_pushes_and_jumps_reach_a_blocked_run() -> None:
    scene = Scene(BLOCK + "  - {id: end, type: block}", with_call=False, about=API)
    pushed = [{"type": "variable_set", "option": {"key": "from", "value": "outside"}}]
    scene.at(1, lambda: scene.run.push(pushed), lambda: scene.run.jump("end", now=True))
    scene.at(2, scene.run.proceed)
    result = await scene.play()
    assert (result.variables["from"], "done" in result.variables) == ("outside", False)
    assert [record.step_id for record in scene.trace.records] == ["wait", "variable_set#1", "end"]


@pytest.mark.parametrize("about", [About("call"), About("")])
async def test_a_block_never_holds_what_follows_a_call(about: About) -> None:
    scene = Scene(BLOCK, with_call=False, about=about)
    await scene.play()
    assert scene.trace.steps() == [("wait", "skipped"), ("set", "done")]


async def test_a_block_on_a_call_is_skipped() -> None:
    scene = Scene(BLOCK)
    await scene.play()
    assert scene.trace.steps() == [("wait", "skipped"), ("set", "done")]


async def test_a_stopped_run_takes_no_more_orders() -> None:
    scene = Scene(TALKS).at(1, "stop")
    result = await scene.play()
    assert (result.ended, scene.said) == (Ended.CANCELLED, ["one"])
    with pytest.raises(ControlRefused, match="is over"):
        scene.run.jump("one")
    with pytest.raises(ControlRefused, match="is over"):
        scene.run.push(PUSHED)
    with pytest.raises(ControlRefused, match="is over"):
        scene.run.proceed()


async def test_a_stop_at_the_moment_of_a_jump_wins() -> None:
    scene = Scene(TALKS)
    scene.at(1, lambda: scene.run.jump("three", now=True), "stop")
    result = await scene.play()
    assert (result.ended, scene.said) == (Ended.CANCELLED, ["one"])
    assert scene.log[-1] == "hang_up normal"


async def test_what_plays_beside_the_flow_does_not_move_its_cursor() -> None:
    scene = Scene("""
  - {id: menu, type: digits_receive, option: {duration: 9000, length: 2}}
  - {type: branch, option: {target_ids: {"12": right}}}
  - {id: right, type: talk, option: {text: right}}
""")
    call, begun = scene.call, scene.begun

    async def interrupt() -> None:
        await call.say("hello", language="en-US", provider="", voice_id="", stop_on_digit=False)
        await call.beep()
        await call.mute("in")

    tasks: list[asyncio.Future[None]] = []
    scene.at(1, lambda: tasks.append(asyncio.ensure_future(interrupt())), "1")
    scene.at(2, lambda: begun.append(begun[-1]) if scene.run.action.id == "menu" else None).at(6, "2")
    result = await scene.play()
    assert (result.ended, scene.said) == (Ended.FINISHED, ["hello", "right"])
    assert [step.action.id for step in begun] == ["menu", "menu", "branch#2", "right"]
    assert tasks[0].done()


async def test_who_watches_sees_each_step_with_its_options_filled_in() -> None:
    scene = Scene(
        """
  - {type: talk, option: {text: "Hello ${name}", async: true}}
  - {type: sleep, option: {duration: "${broken}"}}
  - {type: block}
""",
        variables={"name": "Ada"},
    )
    await scene.play()
    talk, sleep, block = scene.begun
    assert talk.body is not None
    assert talk.body.model_dump(by_alias=True, exclude_unset=True) == {"text": "Hello Ada", "async": True}
    assert (talk.number, sleep.number, sleep.body, block.action.type) == (1, 2, None, "block")


@pytest.mark.parametrize("seed", range(40))
async def test_orders_at_any_moment_leave_nothing_behind(seed: int) -> None:
    chance = random.Random(seed)
    scene = Scene(
        """
  - {id: a, type: talk, option: {text: a, digits_handle: next}}
  - {id: b, type: digits_receive, option: {duration: 3000, length: 3}}
  - {id: c, type: connect, option: {destinations: [{type: tel, target: '+15550100'}]}}
  - {id: d, type: fetch_flow, option: {flow_id: inner}}
  - {id: e, type: goto, option: {target_id: a, loop_count: 2}}
""",
        others={
            "inner": "  - {id: f, type: beep}\n  - {id: g, type: confbridge_join, option: {confbridge_id: r}}"
        },
    )
    run = scene.run
    target = list("abcdefg")

    def order() -> None:
        try:
            what = chance.randint(0, 9)
            if what < 4:
                run.jump(chance.choice(target), now=chance.random() < 0.7)
            elif what < 8:
                run.push([{"id": chance.choice(target), "type": chance.choice(["beep", "answer"])}])
            else:
                run.proceed()
        except ControlRefused:
            pass

    for _ in range(30):
        scene.at(chance.random() * 40, order, chance.choice("123"))
    scene.at(60, "stop")
    result = await scene.play()  # fails if a sound goes on
    assert result.ended in (Ended.FINISHED, Ended.CANCELLED)
    assert [record.number for record in scene.trace.records] == list(range(1, result.steps + 1))
    assert [step.number for step in scene.begun] == list(range(1, result.steps + 1))
