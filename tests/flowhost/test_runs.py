"""The registry of runs: what it shows of each, whom it tells, in which order."""

import asyncio
import gc
import weakref
from uuid import UUID, uuid4

import pytest

from flows import About, Ended, FlowSet, RunLimits, StepRecord
from tests.fakes.clock import VirtualClock
from tests.fakes.flowport import ScriptedCall
from tests.flows.driving import flow
from voipbin_sip.flowhost.runs import Begin, LiveRun, Runs, StepView, TooManyRuns

STEPS = """
  - {id: hello, type: talk, option: {text: "Hello ${name}", async: false}, next_id: wait}
  - {id: wait, type: sleep, option: {duration: 3000}}
"""


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def run_began(self, live: LiveRun) -> None:
        self.heard.append("began")

    def step_began(self, live: LiveRun, step: StepView) -> None:
        self.heard.append(f"{step.action['type']} after {len(live.executed)}")

    def step_done(self, live: LiveRun, record: StepRecord) -> None:
        self.heard.append(f"{record.step_id} {record.outcome}")

    def run_ended(self, live: LiveRun) -> None:
        assert live.result is not None
        self.heard.append(live.result.ended.value)


class Broken(Listener):
    def step_began(self, live: LiveRun, step: StepView) -> None:
        raise ZeroDivisionError


class Scene:
    def __init__(self, text: str = STEPS, **options: object) -> None:
        self.clock = VirtualClock()
        self.call = ScriptedCall(self.clock)
        self.runs = Runs(RunLimits(), clock=self.clock)
        self.listener = Listener()
        self.runs.watchers.append(self.listener)
        main = flow(text)
        given: dict[str, object] = {"steps": self.call, "variables": {"name": "Ada"}, **options}
        self.begin = Begin(flows=FlowSet([main]), flow=main, **given)  # type: ignore[arg-type]

    async def play(self, live: LiveRun) -> None:
        await self.clock.run(self.runs.execute(live))


async def test_a_run_is_there_from_its_beginning_to_its_end() -> None:
    run_id = uuid4()
    scene = Scene(run_id=run_id)
    live = scene.runs.add(scene.begin)
    assert (live.id, live.run.id, scene.runs.get(run_id), [*scene.runs]) == (
        run_id,
        str(run_id),
        live,
        [live],
    )
    assert not live.is_over
    await scene.play(live)
    assert (scene.runs.get(run_id), len(scene.runs), live.is_over) == (None, 0, True)
    assert live.result is not None
    assert live.result.ended is Ended.FINISHED
    assert scene.listener.heard == [
        "began",
        "talk after 0",
        "hello done",
        "sleep after 1",
        "wait done",
        "finished",
    ]


async def test_steps_are_shown_as_voipbin_does() -> None:
    scene = Scene()
    live = scene.runs.add(scene.begin)
    await scene.play(live)
    first, second = live.executed
    assert first.action == {
        "id": str(live.flow.actions[0].uuid),
        "next_id": str(live.flow.actions[1].uuid),
        "type": "talk",
        "option": {"text": "Hello Ada", "async": False},
        "tm_execute": "2026-11-22T08:00:00.000000Z",
    }
    assert second.action["option"] == {"duration": 3000}
    assert second.action["next_id"] == str(UUID(int=0))
    assert first.record is not None
    assert (first.record.outcome, first.record.seconds) == ("done", 2)


async def test_the_step_in_hand_is_not_among_the_executed_ones() -> None:
    scene = Scene()
    live = scene.runs.add(scene.begin)
    seen: list[tuple[str, int]] = []

    async def look() -> None:
        await scene.clock.sleep(2.5)
        assert live.current is not None
        seen.append((live.current.action["type"], len(live.executed)))
        live.run.stop("stopped by the API")

    async def both() -> None:
        await asyncio.gather(scene.runs.execute(live), look())

    await scene.clock.run(both())
    assert seen == [("sleep", 1)]
    assert (live.current, len(live.executed)) == (None, 2)
    assert scene.call.log[-1] == "hang_up normal"
    assert scene.listener.heard[-1] == "cancelled"


async def test_two_runs_of_one_id_do_not_go_on_at_once() -> None:
    scene = Scene(run_id=uuid4())
    live = scene.runs.add(scene.begin)
    with pytest.raises(TooManyRuns, match="goes on already"):
        scene.runs.add(scene.begin)
    scene.runs.end(live)
    assert scene.listener.heard == ["began", "cancelled"]
    again = scene.runs.add(scene.begin)
    await scene.play(again)
    assert again.result is not None


async def test_a_watcher_that_fails_disturbs_nobody() -> None:
    scene = Scene()
    scene.runs.watchers.insert(0, Broken())
    live = scene.runs.add(scene.begin)
    await scene.play(live)
    assert len(scene.listener.heard) == 6


async def test_a_fault_of_a_step_ends_the_run_for_all() -> None:
    scene = Scene("  - {type: beep}")
    scene.call.fail["beep"] = ZeroDivisionError()
    live = scene.runs.add(scene.begin)
    with pytest.raises(ZeroDivisionError):
        await scene.play(live)
    assert scene.listener.heard == ["began", "beep after 0", "beep#1 failed", "failed"]
    assert len(scene.runs) == 0


async def test_a_run_without_a_call_is_about_what_it_was_begun_for() -> None:
    text = "  - {type: talk, option: {text: x}}\n  - {type: variable_set, option: {key: a, value: '${k}'}}"
    about = About("api", activeflow_id="the one before")
    scene = Scene(text, steps=None, variables={"k": "v"}, about=about)
    live = scene.runs.add(scene.begin)
    await scene.play(live)
    assert live.result is not None
    variables = live.result.variables
    assert variables["a"] == "v"
    assert variables["voipbin.activeflow.reference_type"] == "api"
    assert variables["voipbin.activeflow.reference_activeflow_id"] == "the one before"
    assert scene.listener.heard[2] == "talk#1 skipped"


async def test_only_the_last_of_very_many_steps_are_kept() -> None:
    scene = Scene("  - {id: a, type: beep}\n  - {type: goto, option: {target_id: a, loop_count: 400}}")
    live = scene.runs.add(scene.begin)
    await scene.play(live)
    assert live.result is not None
    assert (live.result.steps, len(live.executed), live.executed[-1].begun.number) == (802, 500, 802)


async def test_a_run_that_is_over_is_freed_at_once() -> None:
    """The collector would stop all calls while it looks for the ended ones."""
    gc.disable()
    try:
        scene = Scene()
        live = scene.runs.add(scene.begin)
        await scene.play(live)
        gone = weakref.ref(live), weakref.ref(live.run)
        del live
        assert [ref() for ref in gone] == [None, None]
    finally:
        gc.enable()
