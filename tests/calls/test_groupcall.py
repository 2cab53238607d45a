"""The life of groupcalls: what is counted, told and forgotten."""

from __future__ import annotations

import asyncio

import pytest

from voipbin_sip.calls.call import Address, Call
from voipbin_sip.calls.groupcall import (
    AnswerMethod,
    Groupcall,
    Groupcalls,
    GroupEvent,
    GroupStatus,
)

DESK = Address("extension", "1000")
OTHERS = (Address("extension", "1001"), Address("tel", "+4930123456"))


class Phone:
    """A call of a group."""

    def __init__(self) -> None:
        self.call = Call("leg", DESK, OTHERS[0])
        self.finished = asyncio.Event()
        self.hung_up: list[str] = []

    def hang_up(self, reason: str, why: str = "") -> None:
        self.hung_up.append(reason)


class World:
    def __init__(self) -> None:
        self.groups = Groupcalls()
        self.told: list[GroupEvent] = []
        self.groups.subscribe(lambda event, group: self.told.append(event))

    def begin(
        self, phones: int, answer_method: AnswerMethod = AnswerMethod.HANGUP_OTHERS
    ) -> tuple[Groupcall, list[Phone]]:
        group = self.groups.begin(DESK, OTHERS, answer_method=answer_method)
        members = [Phone() for _ in range(phones)]
        for member in members:
            self.groups.add(group, member)
        return group, members


def status(group: Groupcall) -> GroupStatus:
    """Read it anew."""
    return group.status


async def over(*phones: Phone) -> None:
    for phone in phones:
        phone.finished.set()
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
async def world() -> World:
    return World()


async def test_one_answers_and_the_others_are_hung_up(world: World) -> None:
    group, (first, second, third) = world.begin(3)
    assert group.call_ids == [phone.call.id for phone in (first, second, third)]
    assert first.call.groupcall_id == group.id
    world.groups.answered(group, second)
    world.groups.settle(group)
    assert (first.hung_up, second.hung_up, third.hung_up) == (["cancel"], [], ["cancel"])
    await over(first, third)
    assert (group.status, group.call_count) == (GroupStatus.PROGRESSING, 1)
    await over(second)
    assert (group.status, group.call_count) == (GroupStatus.HANGUP, 0)
    assert group.answer_call_id == second.call.id
    assert world.told == [GroupEvent.CREATED, GroupEvent.PROGRESSING, GroupEvent.HANGUP]
    assert list(group.times) == world.told


async def test_the_others_go_on_where_that_is_wanted(world: World) -> None:
    group, (first, second) = world.begin(2, AnswerMethod.NONE)
    world.groups.answered(group, first)
    world.groups.answered(group, second)
    assert not first.hung_up and not second.hung_up
    assert group.answer_call_id == first.call.id
    assert world.told.count(GroupEvent.PROGRESSING) == 1


async def test_between_two_linear_calls_the_group_is_not_over(world: World) -> None:
    group, (first,) = world.begin(1)
    await over(first)
    assert status(group) == GroupStatus.PROGRESSING
    world.groups.add(group, second := Phone())
    world.groups.settle(group)
    assert status(group) == GroupStatus.PROGRESSING
    await over(second)
    assert status(group) == GroupStatus.HANGUP


async def test_nobody_to_call(world: World) -> None:
    group, _ = world.begin(0)
    world.groups.settle(group)
    assert world.told == [GroupEvent.CREATED, GroupEvent.HANGUP]
    assert group.answer_call_id is None


async def test_hanging_up_ends_all_calls_and_those_that_come_late(world: World) -> None:
    group, (first, second) = world.begin(2, AnswerMethod.NONE)
    world.groups.answered(group, first)
    assert world.groups.hang_up(group)
    assert not world.groups.hang_up(group)
    assert (first.hung_up, second.hung_up) == (["normal"], ["cancel"])
    assert status(group) == GroupStatus.HANGINGUP
    world.groups.add(group, third := Phone())
    assert third.hung_up == ["cancel"]
    world.groups.settle(group)
    await over(first, second, third)
    assert status(group) == GroupStatus.HANGUP
    assert not world.groups.hang_up(group)


async def test_a_call_that_was_over_before_it_was_added(world: World) -> None:
    group, _ = world.begin(0)
    phone = Phone()
    phone.finished.set()
    world.groups.add(group, phone)
    world.groups.settle(group)
    await over()
    assert status(group) == GroupStatus.HANGUP


async def test_ended_ones_are_known_for_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voipbin_sip.calls.groupcall.MAX_ENDED", 2)
    goes_on, _ = world.begin(1)
    ended = []
    for _ in range(3):
        group, phones = world.begin(1)
        world.groups.settle(group)
        await over(*phones)
        ended.append(group)
    assert [world.groups.get(group.id) for group in ended] == [None, *ended[1:]]
    assert list(world.groups) == [goes_on, *ended[1:]]
