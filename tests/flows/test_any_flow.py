"""Whatever a flow does: if the check lets it through, its run ends, and the trace accounts for every step."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from flows import Conference, ConnectResult, FlowSet, Outside, Run, RunLimits, WebAnswer, load_flow_text
from tests.fakes.clock import VirtualClock
from tests.fakes.flowport import ScriptedCall, TraceList
from tests.fakes.outside import FakeMail, FakeWeb

RESULTS: tuple[Literal["answered", "busy", "failed"], ...] = ("answered", "busy", "failed")
ANSWERS = (
    WebAnswer(200, '[{"type": "beep"}]'),
    WebAnswer(200, '[{"type": "goto", "option": {"target_id": "s0", "loop_count": 1}}]'),
    WebAnswer(200, "[]"),
    WebAnswer(500, "x" * 40_000),
    "nobody there",
)
OUTCOMES = {"done", "skipped", "failed", "ended"}


def _random_flow(chance: random.Random) -> str:
    size = chance.randint(1, 12)
    ids = [f"s{n}" for n in range(size)]

    def target() -> str:
        return chance.choice(ids)

    makers: list[Callable[[], str]] = [
        lambda: "type: beep",
        lambda: "type: answer",
        lambda: f"type: sleep, option: {{duration: '{chance.choice(['10', '0', '${n}'])}'}}",
        lambda: f"type: digits_receive, option: {{duration: 500, length: {chance.randint(0, 3)}}}",
        lambda: "type: talk, option: {text: x, digits_handle: next}",
        lambda: "type: talk, option: {text: x, async: true}",
        lambda: f"type: goto, option: {{target_id: {target()}, loop_count: {chance.randint(1, 5)}}}",
        lambda: f"type: branch, option: {{target_ids: {{1: {target()}}}, default_target_id: {target()}}}",
        lambda: f"type: condition_call_digits, option: {{length: 1, false_target_id: {target()}}}",
        lambda: "type: variable_set, option: {key: n, value: '${voipbin.call.digits}0'}",
        lambda: "type: hangup",
        lambda: "type: stop",
        lambda: "type: mute",
        lambda: "type: confbridge_join, option: {confbridge_id: room}",
        lambda: "type: conference_join, option: {conference_id: meeting}",
        lambda: "type: connect, option: {destinations: [{type: tel, target: '${n}'}]}",
        lambda: "type: connect, option: {destinations: [{type: extension, target: '1'}], relay_reason: '1'}",
        lambda: "type: call, option: {destinations: [{type: tel, target: '${n}'}], actions: [{type: beep}]}",
        lambda: f"type: beep, next_id: {target()}",
        lambda: "type: fetch, option: {event_url: 'http://x.example'}",
        lambda: "type: webhook_send, option: {sync: '${n}', uri: 'http://x.example', data: '${n}'}",
        lambda: "type: webhook_send, option: {sync: true, uri: 'http://x.example'}",
        lambda: "type: email_send, option: {destinations: [{type: email, target: '${n}@x.example'}]}",
        lambda: chance.choice(("type: block", "type: empty", "type: amd", "type: ai_talk")),
    ]
    return "actions:\n" + "".join(f"  - {{id: {name}, {chance.choice(makers)()}}}\n" for name in ids)


@pytest.mark.parametrize("seed", range(60))
async def test_every_accepted_flow_comes_to_its_end(seed: int) -> None:
    chance = random.Random(seed)
    flow = None
    while flow is None:
        flow, _ = load_flow_text(_random_flow(chance), Path("any.yaml"))
    clock = VirtualClock()
    call, trace = ScriptedCall(clock), TraceList()
    call.connects = [ConnectResult(chance.choice(RESULTS), "", chance.choice((0, 486))) for _ in range(300)]
    call.conferences["meeting"] = Conference("room", pre_flow=chance.choice(("", "any")), post_flow="")
    web = FakeWeb(clock, *(chance.choice(ANSWERS) for _ in range(300)))
    run = Run(
        FlowSet([flow]),
        flow,
        call=call,
        clock=clock,
        trace=trace,
        limits=RunLimits(steps=300),
        outside=Outside(web=web, mail=FakeMail()),
    )

    async def type_digits() -> None:
        while True:
            await clock.sleep(chance.random() * 2)
            run.digit(chance.choice("123#"))
            call.digit()

    async def both() -> None:
        typing = asyncio.ensure_future(type_digits())
        await run.execute()
        typing.cancel()

    await clock.run(both())
    assert run.finished is not None
    assert call.status() == "hangup"
    assert call.running == 0
    assert [record.number for record in trace.records] == list(range(1, run.finished.steps + 1))
    assert {record.outcome for record in trace.records} <= OUTCOMES
