"""Bridges: who hears whom, and what becomes of who is left alone."""

from __future__ import annotations

import asyncio

from tests.calls.exchange import Exchange, leg, settle
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status


def connected(office: Exchange, caller: CallSession, callee: CallSession) -> asyncio.Task[None]:
    """Bridge two calls as a `connect` step does; the task ends when the caller is alone again."""
    office.bridges.connect(caller, callee)
    return asyncio.create_task(office.bridges.alone(caller))


async def test_two_calls_share_a_room_until_one_hangs_up() -> None:
    office = Exchange()
    caller, callee = office.phone("1"), office.phone("2", called=True)
    step = connected(office, caller, callee)
    await settle()
    assert office.room(caller) is office.room(callee) is not None
    assert not step.done()
    office.end("2")
    await settle()
    assert step.done()
    assert office.room(caller) is None
    assert caller.call.status is Status.PROGRESSING  # its flow goes on
    assert office.bridges.of(caller) is None


async def test_whom_nobody_waits_for_is_hung_up() -> None:
    office = Exchange()
    caller, callee = office.phone("1"), office.phone("2", called=True)
    step = connected(office, caller, callee)
    await settle()
    office.end("1")
    await settle()
    assert callee.finished.is_set()
    step.cancel()


async def test_a_step_that_is_stopped_ends_the_bridge() -> None:
    office = Exchange()
    caller, callee = office.phone("1"), office.phone("2", called=True)
    step = connected(office, caller, callee)
    await settle()
    step.cancel()
    await settle()
    assert callee.finished.is_set()
    assert caller.call.status is Status.PROGRESSING
    assert office.room(caller) is None


async def test_a_callee_that_is_gone_already_leaves_the_caller_alone_at_once() -> None:
    office = Exchange()
    caller, callee = office.phone("1"), office.phone("2", called=True)
    office.end("2")
    step = connected(office, caller, callee)
    await settle()
    assert step.done()
    assert caller.call.status is Status.PROGRESSING


async def test_a_caller_that_is_gone_already_takes_the_callee_along() -> None:
    office = Exchange()
    caller, callee = office.phone("1"), office.phone("2", called=True)
    office.end("1")
    step = connected(office, caller, callee)
    await settle()
    assert callee.finished.is_set()
    step.cancel()  # as the end of a run does


async def test_a_caller_can_be_connected_again_and_again() -> None:
    office = Exchange()
    caller = office.phone("1")
    for name in ("2", "3"):
        step = connected(office, caller, office.phone(name, called=True))
        await settle()
        assert not step.done()
        office.end(name)
        await settle()
        assert step.done()


async def test_music_plays_while_the_other_one_holds() -> None:
    office = Exchange()
    caller, callee = office.phone("1"), office.phone("2", called=True)
    caller.holds = True  # before the bridge
    step = connected(office, caller, callee)
    await settle()
    assert (leg(caller).plays, leg(callee).plays) == (False, True)
    caller.held(False)
    callee.held(True)
    assert (leg(caller).plays, leg(callee).plays) == (True, False)
    office.end("2")
    await settle()
    assert not leg(caller).plays
    assert step.done()


async def test_music_follows_who_sits_in_the_bridge() -> None:
    office = Exchange()
    caller, callee, other = office.phone("1"), office.phone("2", called=True), office.phone("3", called=True)
    step = connected(office, caller, callee)
    callee.holds = True
    callee.held(True)
    assert leg(caller).plays
    bridge = office.bridges.of(caller)
    assert bridge is not None
    assert office.bridges.seat(bridge, other, callee)
    assert not leg(caller).plays
    assert office.room(other) is office.room(caller)
    assert office.room(callee) is None
    other.held(True)
    assert leg(caller).plays
    step.cancel()
    await settle()
    assert not callee.finished.is_set()  # whoever took its place has to see to it


async def test_a_place_is_given_away_once() -> None:
    office = Exchange()
    one, two, three, four = (office.phone(name, called=True) for name in "1234")
    step = connected(office, one, two)
    bridge = office.bridges.of(one)
    assert bridge is not None
    assert office.bridges.seat(bridge, three, two)
    assert not office.bridges.seat(bridge, four, two)
    assert bridge.members == (one, three)
    step.cancel()


async def test_a_call_that_is_put_out_of_its_room_is_told_once() -> None:
    office = Exchange()
    one, two = office.phone("1"), office.phone("2")
    room = office.rooms.enter("conference:weekly", one)
    assert office.rooms.enter("conference:weekly", two) is room
    changed = room.changed
    assert office.rooms.put_out(one)
    assert changed.is_set()
    assert room.members == [two]
    assert office.room(one) is None
    assert not office.rooms.put_out(one)


async def test_a_room_that_was_left_empty_does_not_take_its_successor_along() -> None:
    office = Exchange()
    one, two = office.phone("1"), office.phone("2")
    first = office.rooms.enter("conference:weekly", one)
    office.rooms.put_out(one)
    second = office.rooms.enter("conference:weekly", two)
    office.rooms.leave(first, one)  # the step of the first one, late
    assert office.rooms.of(two) is second
