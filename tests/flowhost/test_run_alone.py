"""Runs without a call: begun by the API or after a call, followed by others, ended with the server."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from flows import About, Ended, FlowSet, Outside, RunLimits, StepRecord
from tests.fakes.outside import FakeWeb
from tests.flows.driving import flow
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import NotReachable
from voipbin_sip.flowhost import FlowHost, LiveRun, StepView, TooManyRuns
from voipbin_sip.flowhost.address import NOBODY

AGAIN = """
name: again
on_complete_flow_id: again
actions:
  - {type: talk, option: {text: unheard}}
  - {type: variable_set, option: {key: rounds, value: "${rounds}x"}}
"""
DIAL = """
name: dial
actions:
  - {id: ring, type: call, option: {destinations: [{type: tel, target: "+15550100"}], actions: [{type: beep}]}}
  - {type: variable_set, option: {key: went, value: "on"}}
"""
BLOCKED = "name: blocked\nactions: [{id: wait, type: block}]"
TELL = "name: tell\nactions: [{type: webhook_send, option: {uri: 'https://x.example', data: '${order}'}}]"


class Endings:
    """Waits for runs to end, and keeps them in order."""

    def __init__(self) -> None:
        self.runs: list[LiveRun] = []
        self.one_more = asyncio.Event()

    def run_began(self, live: LiveRun) -> None: ...

    def step_began(self, live: LiveRun, step: StepView) -> None: ...

    def step_done(self, live: LiveRun, record: StepRecord) -> None: ...

    def run_ended(self, live: LiveRun) -> None:
        self.runs.append(live)
        self.one_more.set()

    async def wait_for(self, count: int) -> list[LiveRun]:
        async with asyncio.timeout(5):
            while len(self.runs) < count:
                self.one_more.clear()
                await self.one_more.wait()
        return self.runs


class Nowhere:
    """Destinations that nobody can reach; it keeps for whom they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Address, Originator]] = []

    async def targets(self, address: Address, originator: Originator) -> list[Any]:
        self.asked.append((address, originator))
        raise NotReachable("refused", "not allowed")


class Scene:
    def __init__(self) -> None:
        self.nowhere, self.web, self.ended = Nowhere(), FakeWeb(), Endings()
        parts = SimpleNamespace(destinations=self.nowhere, recording=SimpleNamespace())
        self.flows = FlowSet(flow(text) for text in (AGAIN, DIAL, BLOCKED, TELL))
        outside = Outside(web=self.web)
        self.host = FlowHost(lambda: self.flows, cast(Any, parts), RunLimits(), outside)
        self.host.runs.watchers.append(self.ended)

    def run(self, name: str, **options: Any) -> LiveRun:
        found = self.flows.get(name)
        assert found is not None
        return self.host.run(found, about=About("api"), **options)


async def test_a_run_begins_at_once_and_can_be_found_by_the_id_that_its_creator_chose() -> None:
    scene, run_id = Scene(), uuid4()
    live = scene.run("tell", run_id=run_id, variables={"order": "4711"})
    assert scene.host.runs.get(run_id) is live
    await scene.ended.wait_for(1)
    assert [request.body for request in scene.web.sent] == ["4711"]
    assert scene.host.runs.get(run_id) is None
    assert live.result is not None
    assert live.result.variables["voipbin.activeflow.id"] == str(run_id)
    assert live.result.variables["voipbin.activeflow.reference_type"] == "api"


async def test_a_flow_that_follows_itself_is_run_five_times_in_all() -> None:
    scene = Scene()
    scene.run("again", variables={"rounds": ""})
    await scene.ended.wait_for(5)
    await asyncio.sleep(0.02)
    runs = scene.ended.runs
    assert len(runs) == 5
    results = [live.result for live in runs if live.result is not None]
    assert [result.variables["rounds"] for result in results] == ["x", "xx", "xxx", "xxxx", "xxxxx"]
    assert [live.complete_count for live in runs] == [0, 1, 2, 3, 4]
    before = ["", *(str(live.id) for live in runs[:-1])]
    assert [live.about.activeflow_id for live in runs] == before
    assert results[1].variables["voipbin.activeflow.reference_activeflow_id"] == before[1]
    assert results[0].variables["voipbin.activeflow.reference_activeflow_id"] == str(UUID(int=0))


async def test_calls_are_placed_for_who_began_the_run() -> None:
    scene = Scene()
    live = scene.run("dial", originator=Originator(Address("tel", "+15550199"), "accesskey:1"))
    await scene.ended.wait_for(1)
    ((address, originator),) = scene.nowhere.asked
    assert (address.target, originator.address.target) == ("+15550100", "+15550199")
    assert (originator.payer, originator.private) == ("accesskey:1", False)
    assert live.result is not None
    assert (live.result.ended, live.result.variables["went"]) == (Ended.FINISHED, "on")
    assert live.executed[0].record is not None
    assert (live.executed[0].record.outcome, live.executed[0].record.detail) == ("failed", "not allowed")


async def test_nobody_is_nobody() -> None:
    scene = Scene()
    scene.run("dial")
    await scene.ended.wait_for(1)
    assert scene.nowhere.asked[0][1] == NOBODY


async def test_a_blocked_run_is_let_go_on_or_stopped() -> None:
    scene = Scene()
    first, second = scene.run("blocked"), scene.run("blocked")
    await asyncio.sleep(0.02)
    assert (first.run.blocked_in, len(scene.host.runs)) == ("wait", 2)
    assert first.current is not None
    assert first.current.action["type"] == "block"
    first.run.proceed(first.current.action["id"])
    second.run.stop("stopped by the API")
    await scene.ended.wait_for(2)
    assert first.result is not None
    assert second.result is not None
    assert (first.result.ended, second.result.ended) == (Ended.FINISHED, Ended.CANCELLED)


async def test_an_id_in_use_is_refused() -> None:
    scene, run_id = Scene(), uuid4()
    scene.run("blocked", run_id=run_id)
    with pytest.raises(TooManyRuns):
        scene.run("blocked", run_id=run_id)
    await scene.host.close()


async def test_the_end_of_the_server_ends_all_runs() -> None:
    scene = Scene()
    live = [scene.run("blocked") for _ in range(3)]
    await scene.host.close()  # one of them had not had its turn
    assert len(scene.host.runs) == 0
    assert {run.result.ended for run in live if run.result is not None} == {Ended.CANCELLED}
