"""Runs on calls: one takes over from another, rooms are left, placed calls end with their runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from flows import Conference, Flow, FlowSet, RunLimits, load_flow_text
from tests.calls.exchange import Exchange, settle
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.dialplan import Meaning
from voipbin_sip.calls.outgoing import OutgoingSession
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.calls.verdict import Admitted
from voipbin_sip.flowhost import FlowHost, Parts
from voipbin_sip.flowhost.recording import RecordingSteps

WAITS = """
name: waits
on_complete_flow_id: afterwards
actions:
  - type: connect
    option: {destinations: [{type: extension, target: first}]}
  - type: connect
    option: {destinations: [{type: extension, target: never}]}
"""
SECOND = """
name: second
actions:
  - type: connect
    option: {destinations: [{type: extension, target: "${voipbin.call.destination.target}"}]}
"""
AFTERWARDS = """
name: afterwards
actions:
  - type: sleep
    option: {duration: 1}
"""
MEETING = """
name: meeting
actions:
  - type: conference_join
    option: {conference_id: weekly}
  - type: connect
    option: {destinations: [{type: extension, target: after}]}
"""
POST = """
name: post
actions:
  - type: connect
    option: {destinations: [{type: extension, target: post}]}
"""


def flow(text: str) -> Flow:
    loaded, findings = load_flow_text(text, Path("test.yaml"))
    assert loaded is not None, findings
    return loaded


class Desk:
    """A host whose `connect` waits until the test says that it is over."""

    def __init__(self) -> None:
        self.office = Exchange()
        self.connects: list[tuple[str, asyncio.Future[Dialled]]] = []
        parts = Parts(
            cast(Any, None),
            cast(Any, None),
            cast(Any, self),
            cast(Any, self.office),
            cast(Any, self.office),
            self.office.rooms,
            lambda name: Conference(name, post_flow="post"),
            lambda call_id: 0,
            cast(Any, None),
            RecordingSteps(cast(Any, None)),
        )
        flows = FlowSet(map(flow, (WAITS, SECOND, AFTERWARDS, MEETING, POST)))
        self.host = FlowHost(lambda: flows, parts, RunLimits())

    async def connect(
        self, caller: CallSession, originator: object, destinations: list[Address], **_: object
    ) -> Dialled:
        future: asyncio.Future[Dialled] = asyncio.get_running_loop().create_future()
        self.connects.append((destinations[0].target, future))
        return await future

    @property
    def connected(self) -> list[str]:
        return [target for target, _ in self.connects]

    def start(self, name: str) -> CallSession:
        session = self.office.phone("1")
        there = Address("extension", "9")
        self.host.start(cast(Any, session), Admitted(name, session.call.source, there))
        return session


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_another_run_takes_over_without_hanging_up(desk: Desk) -> None:
    session = desk.start("waits")
    await settle()
    assert desk.connected == ["first"]
    desk.host.divert(session, Meaning(Address("extension", "700"), flow="second"))
    await asyncio.sleep(0.02)
    assert desk.connects[0][1].cancelled()
    assert desk.connected == ["first", "700"]  # whom the new run believes to have been called
    assert session.call.status is Status.PROGRESSING
    desk.connects[1][1].set_result(Dialled(None, "busy", 486))
    await settle()
    assert session.finished.is_set()  # at the end of the new run


async def test_a_call_that_ends_ends_the_run_that_it_has_now(desk: Desk) -> None:
    session = desk.start("waits")
    await settle()
    desk.host.divert(session, Meaning(Address("extension", "700"), flow="second"))
    await asyncio.sleep(0.02)
    desk.office.end("1")
    await settle()
    assert desk.connects[1][1].cancelled()
    assert desk.connected == ["first", "700"]


async def test_a_call_without_a_run_gets_one(desk: Desk) -> None:
    session = desk.office.phone("2", called=True)
    desk.host.divert(session, Meaning(Address("extension", "700"), flow="second"))
    await settle()
    assert desk.connected == ["700"]


async def test_a_call_that_is_over_gets_no_run(desk: Desk) -> None:
    session = desk.start("waits")
    await settle()
    desk.host.divert(session, Meaning(Address("extension", "700"), flow="second"))
    desk.office.end("1")
    await asyncio.sleep(0.02)
    assert desk.connected == ["first"]


async def test_a_placed_call_outlives_the_run_that_it_was_placed_for(desk: Desk) -> None:
    parent, called = desk.start("waits"), desk.office.phone("2", called=True)
    await desk.host.place(
        parent,
        parent.call.originator(),
        [Address("extension", "2")],
        flow(WAITS),
        chained=True,
        early_execution=False,
    )
    await settle()
    assert isinstance(called, OutgoingSession)
    desk.office.rings[0].answer(called)
    await settle()
    assert desk.connected == ["first", "first"]
    desk.host.divert(called, Meaning(Address("extension", "700"), flow="second"))
    await asyncio.sleep(0.02)
    desk.office.end("1")  # to which the first run was chained
    await settle()
    assert desk.connected[2:] == ["700"]
    assert called.call.status is Status.PROGRESSING
    desk.office.end("2")
    await settle()
    assert desk.connects[2][1].cancelled()


async def test_who_is_put_out_of_a_conference_goes_on_with_the_flow_after_it(desk: Desk) -> None:
    session = desk.start("meeting")
    await settle()
    room = desk.office.rooms.of(session)
    assert room is not None
    assert room.name == "conference:weekly"
    assert desk.office.rooms.put_out(session)
    await settle()
    assert desk.connected == ["post"]
    assert desk.office.room(session) is None
    desk.connects[0][1].set_result(Dialled(None, "busy", 486))
    await settle()
    assert desk.connected == ["post", "after"]


async def test_a_call_sits_in_the_room_of_the_one_that_it_replaces(desk: Desk) -> None:
    first = desk.start("meeting")
    await settle()
    second = desk.office.phone("2", called=True)
    desk.host.enter_room(second, "conference:weekly")
    await settle()
    assert desk.office.room(first) is desk.office.room(second) is not None
    desk.office.rooms.put_out(second)
    await settle()
    assert second.finished.is_set()  # it has nothing else to do
    assert not first.finished.is_set()
