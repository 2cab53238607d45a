"""Who rings when, and the groupcall that is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.groupcall import Groupcall, Groupcalls, GroupStatus, RingMethod
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.ringing import Ringing, Wanted
from voipbin_sip.calls.session import CallSession

DESK = Originator(Address("extension", "1000"))
ONE, TWO, THREE = (Address("extension", name) for name in ("1001", "1002", "1003"))
FAR = Address("tel", "+4930123456")


class Phone:
    """A call that is placed."""

    def __init__(self, destination: Address) -> None:
        self.call = Call("leg", DESK.address, destination)
        self.finished = asyncio.Event()
        self.hung_up = False

    def hang_up(self, reason: str, why: str = "") -> None:
        self.hung_up = True
        self.finished.set()


class FakeDialer:
    """Rings in rounds; says who answers."""

    def __init__(self, answers: str = "") -> None:
        self.answers = answers  # target of whoever picks up
        self.rounds: list[list[str]] = []
        self.phones: dict[str, Phone] = {}
        self.between: Callable[[], object] = lambda: None
        self.forever = False

    async def ring_all(
        self,
        callees: Sequence[tuple[Address, Target]],
        originator: Originator,
        *,
        placed: Callable[[Phone], None] | None,
        **_: object,
    ) -> Dialled:
        self.rounds.append([target.uri for _, target in callees])
        winner: Phone | None = None
        for destination, target in callees:
            phone = self.phones[target.uri] = Phone(destination)
            if placed is not None:
                placed(phone)
            if destination.target == self.answers:
                winner = phone
        self.between()
        if self.forever:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        for phone in self.phones.values():
            if phone is not winner:
                phone.hang_up("cancel")
        session = cast(OutgoingSession, winner) if winner is not None else None
        return Dialled(session, "answered" if winner else "busy", 200 if winner else 486)


def ways(address: Address, *uris: str) -> Wanted:
    return address, [Target(uri) for uri in uris]


class World:
    def __init__(self, answers: str = "") -> None:
        self.groups = Groupcalls()
        self.dialer = FakeDialer(answers)
        self.ringing = Ringing(cast(Any, self.dialer), self.groups)

    @property
    def group(self) -> Groupcall:
        (group,) = self.groups
        return group


EVERYONE = [ways(ONE, "a", "b"), ways(TWO), ways(THREE, "c")]


async def test_all_ring_together_and_each_is_called_by_its_own_name() -> None:
    world = World(answers="1003")
    dialled = await world.ringing.ring(EVERYONE, DESK)
    assert world.dialer.rounds == [["a", "b", "c"]]
    assert [phone.call.destination for phone in world.dialer.phones.values()] == [ONE, ONE, THREE]
    assert dialled.result == "answered"
    group = world.group
    assert group.ring_method is RingMethod.RING_ALL
    assert group.destinations == (ONE, TWO, THREE)
    assert group.source == DESK.address
    winner = world.dialer.phones["c"]
    assert group.answer_call_id == winner.call.id
    assert group.call_ids == [phone.call.id for phone in world.dialer.phones.values()]
    assert (group.status, winner.hung_up) == (GroupStatus.PROGRESSING, False)
    winner.finished.set()
    await asyncio.sleep(0.01)
    assert group.status == GroupStatus.HANGUP


async def test_one_after_the_other_until_somebody_answers() -> None:
    world = World(answers="1003")
    assert (await world.ringing.ring([*EVERYONE, ways(FAR, "d")], DESK, linear=True)).result == "answered"
    assert world.dialer.rounds == [["a", "b"], ["c"]]  # nobody is reached at the second
    assert world.group.ring_method is RingMethod.LINEAR
    assert world.group.dial_index == 2


@pytest.mark.parametrize("linear", [False, True])
async def test_nobody_answers(linear: bool) -> None:
    world = World()
    dialled = await world.ringing.ring(EVERYONE, DESK, linear=linear)
    assert (dialled.session, dialled.result) == (None, "busy")
    await asyncio.sleep(0.01)
    assert world.group.status is GroupStatus.HANGUP
    assert world.group.answer_call_id is None


async def test_nobody_to_ring() -> None:
    world = World()
    assert (await world.ringing.ring([ways(ONE)], DESK)).result == "unreachable"
    assert world.group.status is GroupStatus.HANGUP


async def test_who_gives_up_is_heard_and_the_group_is_over() -> None:
    world = World()
    world.dialer.forever = True
    task = asyncio.create_task(world.ringing.ring(EVERYONE, DESK))
    await asyncio.sleep(0.01)
    group = world.group
    assert group.call_count == 3
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for phone in world.dialer.phones.values():
        phone.finished.set()
    await asyncio.sleep(0.01)
    assert group.status is GroupStatus.HANGUP


async def test_a_group_that_is_hung_up_rings_nobody_else() -> None:
    world = World(answers="1003")
    world.dialer.between = lambda: world.groups.hang_up(world.group)
    dialled = await world.ringing.ring(EVERYONE, DESK, linear=True)
    assert dialled.session is None
    assert world.dialer.rounds == [["a", "b"]]
    assert world.dialer.phones["a"].hung_up
    await asyncio.sleep(0.01)
    assert world.group.status is GroupStatus.HANGUP


async def test_one_number_alone_makes_no_group() -> None:
    world = World(answers=FAR.target)
    dialled = await world.ringing.ring_all([Target("d")], DESK, FAR)
    assert dialled.result == "answered"
    assert not list(world.groups)
    await world.ringing.ring([ways(FAR, "d"), ways(Address("sip", "b@x.example"), "e")], DESK)
    assert len(list(world.groups)) == 1


async def test_the_caller_is_the_groups_master() -> None:
    world = World()
    caller = cast(CallSession, Phone(ONE))
    await world.ringing.ring_all([Target("a")], DESK, TWO, beside=caller)
    assert world.group.master_call_id == caller.call.id
