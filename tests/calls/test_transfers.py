"""Transfers: who talks with whom afterwards, what the transferor is told, and who hangs up when."""

from __future__ import annotations

import asyncio

import pytest

from tests.calls.exchange import Exchange, leg, settle
from voipbin_sip.calls import transfers
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.session import CallSession
from voipbin_sip.sip.events import Progress
from voipbin_sip.sip.replaces import Replaces

RINGING = Progress("", 180, "Ringing", None)


class Talk:
    """Extension 1 has called 2 by a `connect` step and talks with it."""

    def __init__(self) -> None:
        self.office = Exchange()
        self.caller = self.office.phone("1")
        self.callee = self.office.phone("2", called=True)
        self.office.bridges.connect(self.caller, self.callee)
        self.step = asyncio.create_task(self.office.bridges.alone(self.caller))

    def roles(self, transferor: str) -> tuple[CallSession, CallSession]:
        """Return transferor and transferee."""
        pair = (self.caller, self.callee)
        return pair if transferor == "caller" else (pair[1], pair[0])

    def together(self, one: CallSession, other: CallSession) -> bool:
        return self.office.room(one) is self.office.room(other) is not None


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "BYE_SECONDS", 0.02)
    monkeypatch.setattr(transfers, "CANCEL_SECONDS", 0.02)


@pytest.fixture
async def talk() -> Talk:
    return Talk()


BOTH = pytest.mark.parametrize("side", ["caller", "callee"])


@BOTH
async def test_blind(talk: Talk, side: str) -> None:
    office = talk.office
    transferor, transferee = talk.roles(side)
    office.refer(transferor, "3")
    await settle()
    (ring,) = office.rings
    assert not leg(transferee).plays
    ring.rang(None, RINGING)  # type: ignore[arg-type]
    ring.rang(None, RINGING)  # type: ignore[arg-type]
    assert leg(transferee).plays
    assert talk.together(transferor, transferee)
    target = office.phone("3", called=True)
    ring.answer(target)
    await settle()
    assert not leg(transferee).plays
    assert talk.together(transferee, target)
    assert office.room(transferor) is None
    assert office.told(transferor) == [(180, False), (200, True)]
    assert not transferor.finished.is_set()  # it may hang up by itself
    assert not talk.step.done()  # and its flow must not go on meanwhile
    await asyncio.sleep(0.04)
    assert transferor.finished.is_set()
    assert talk.together(transferee, target)
    if side == "callee":
        office.end("3")
        await settle()
        assert talk.step.done()  # the caller's flow goes on
        assert not transferee.finished.is_set()
    else:
        office.end("2")
        await settle()
        assert target.finished.is_set()


async def test_the_target_sees_the_transferee_and_the_transferor_pays(talk: Talk) -> None:
    talk.office.refer(talk.callee, "3")
    await settle()
    (ring,) = talk.office.rings
    assert ring.originator.address == Address("extension", "1")
    assert ring.originator.payer == "extension:2"
    assert ring.originator.max_forwards == 69
    assert ring.targets[0].headers == (("X-Kept", "yes"), ("Referred-By", "<sip:2@voipbin.test>"))


async def test_who_wants_to_stay_unknown_is_not_named(talk: Talk) -> None:
    talk.caller.call.private = True
    talk.office.refer(talk.callee, "3")
    await settle()
    assert talk.office.rings[0].originator.private
    talk.office.rings[0].fail(486)
    await settle()
    talk.office.refer(talk.caller, "3")
    await settle()
    assert talk.office.rings[1].targets[0].headers == (("X-Kept", "yes"),)


@BOTH
async def test_a_transferor_that_hangs_up_early_leaves_its_seat_to_the_target(talk: Talk, side: str) -> None:
    office = talk.office
    transferor, transferee = talk.roles(side)
    office.refer(transferor, "3")
    office.end(transferor.call.leg)  # at once: nothing had its turn yet
    await settle()
    assert not transferee.finished.is_set()
    assert not talk.step.done() or side == "caller"
    target = office.phone("3", called=True)
    office.rings[0].answer(target)
    await settle()
    assert talk.together(transferee, target)


@BOTH
async def test_who_is_left_without_a_target_is_left_alone(talk: Talk, side: str) -> None:
    office = talk.office
    transferor, transferee = talk.roles(side)
    office.refer(transferor, "3")
    await settle()
    office.end(transferor.call.leg)
    await settle()
    office.rings[0].fail(486)
    await settle()
    assert office.room(transferee) is None if side == "callee" else transferee.finished.is_set()
    assert talk.step.done() or side == "caller"


@BOTH
async def test_a_transferee_that_hangs_up_ends_the_ringing(talk: Talk, side: str) -> None:
    office = talk.office
    transferor, transferee = talk.roles(side)
    office.refer(transferor, "3")
    await settle()
    office.end(transferee.call.leg)
    await settle()
    assert office.rings[0].outcome.cancelled()
    assert office.told(transferor) == [(487, True)]
    assert talk.step.done() or side == "callee"
    assert transferor.finished.is_set() is (side == "callee")


@BOTH
async def test_when_both_hang_up_nobody_is_called(talk: Talk, side: str) -> None:
    office = talk.office
    transferor, transferee = talk.roles(side)
    office.refer(transferor, "3")
    await settle()
    office.end(transferor.call.leg)
    office.end(transferee.call.leg)
    await settle()
    assert office.rings[0].outcome.cancelled()
    assert office.bridges.of(transferee) is None


async def test_a_target_that_answers_when_the_transferee_hangs_up_is_hung_up(talk: Talk) -> None:
    office = talk.office
    office.refer(talk.callee, "3")
    await settle()
    target = office.phone("3", called=True)
    office.rings[0].answer(target)
    office.end("1")
    await settle()
    assert target.finished.is_set()


async def test_a_target_that_hangs_up_at_once_leaves_the_transferee_alone(talk: Talk) -> None:
    office = talk.office
    office.refer(talk.callee, "3")
    await settle()
    target = office.phone("3", called=True)
    office.end("3")
    office.rings[0].answer(target)
    await settle()
    assert talk.step.done()


async def test_a_refusal_leaves_all_as_it_was(talk: Talk) -> None:
    office = talk.office
    talk.callee.holds = True
    talk.callee.held(True)
    office.refer(talk.callee, "3")
    await settle()
    office.rings[0].rang(None, RINGING)  # type: ignore[arg-type]
    office.rings[0].fail(603)
    await settle()
    assert office.told(talk.callee) == [(180, False), (603, True)]
    assert talk.together(talk.caller, talk.callee)
    assert [playout.stopped for playout in leg(talk.caller).played] == [False, True]  # the music goes on
    assert not talk.step.done()
    office.refer(talk.callee, "3")
    await settle()
    assert len(office.rings) == 2


async def test_a_target_without_sound_leaves_all_as_it_was(talk: Talk) -> None:
    office = talk.office
    office.refer(talk.callee, "3")
    await settle()
    target = office.phone("3", called=True)
    leg(target).lost = True
    office.rings[0].answer(target)
    await settle()
    assert office.told(talk.callee) == [(503, True)]
    assert target.finished.is_set()
    assert talk.together(talk.caller, talk.callee)
    assert not talk.step.done()


@pytest.mark.parametrize(("to", "status"), [("404", 404), ("999", 403)])
async def test_a_target_out_of_reach(talk: Talk, to: str, status: int) -> None:
    talk.office.refer(talk.callee, to)
    await settle()
    assert talk.office.told(talk.callee) == [(status, True)]
    assert talk.together(talk.caller, talk.callee)


async def test_who_may_not_transfer_is_told_so(talk: Talk) -> None:
    talk.callee.call.transfers = False
    talk.office.refer(talk.callee, "3")
    assert talk.office.told(talk.callee) == [(403, True)]
    assert talk.together(talk.caller, talk.callee)


async def test_without_another_side_there_is_nobody_to_transfer() -> None:
    office = Exchange()
    phone = office.phone("1")
    office.refer(phone, "3")
    assert office.told(phone) == [(480, True)]
    office.rooms.enter("conference:weekly", phone)
    office.refer(phone, "3")
    assert office.told(phone)[1:] == [(403, True)]


async def test_one_transfer_at_a_time(talk: Talk) -> None:
    office = talk.office
    office.refer(talk.callee, "3")
    await settle()
    office.refer(talk.caller, "4")
    assert office.told(talk.caller) == [(491, True)]
    target = office.phone("3", called=True)
    office.rings[0].answer(target)
    await settle()
    assert talk.together(talk.caller, target)


async def test_a_transferred_call_is_transferred_on(talk: Talk) -> None:
    office = talk.office
    people = {"3": talk.callee}
    for number, name in enumerate(("3", "4", "5")):
        office.refer(people[name], name)
        await settle()
        target = office.phone(name, called=True)
        people[str(int(name) + 1)] = target
        office.rings[number].answer(target)
        await settle()
        assert talk.together(talk.caller, target)
    assert not talk.step.done()
    office.end("5")
    await settle()
    assert talk.step.done()


async def test_both_sides_of_a_bridge_may_be_replaced(talk: Talk) -> None:
    office = talk.office
    third, fourth = office.phone("3", called=True), office.phone("4", called=True)
    for number, (transferor, target) in enumerate(((talk.caller, third), (talk.callee, fourth))):
        office.refer(transferor, target.call.leg)
        await settle()
        office.rings[number].answer(target)
        await settle()
    assert talk.together(third, fourth)
    await asyncio.sleep(0.04)
    assert talk.caller.finished.is_set()
    assert talk.callee.finished.is_set()
    office.end("3")
    await settle()
    assert fourth.finished.is_set()


@BOTH
async def test_a_transfer_to_a_flow(talk: Talk, side: str) -> None:
    office = talk.office
    transferor, transferee = talk.roles(side)
    office.refer(transferor, "700")
    ((session, meaning),) = office.diverted
    assert session is transferee
    assert meaning.flow == "reception"
    assert transferee.call.payer == f"extension:{transferor.call.leg}"
    assert office.told(transferor) == [(200, True)]
    assert not talk.step.done()  # it is stopped by the new run
    await asyncio.sleep(0.04)
    assert transferor.finished.is_set()
    assert not transferee.finished.is_set()


# Attended


@BOTH
@pytest.mark.parametrize("consulted_calls", [False, True])
async def test_attended(talk: Talk, side: str, consulted_calls: bool) -> None:
    office = talk.office
    transferor, transferee = talk.roles(side)
    second, target = office.phone("1b", called=consulted_calls), office.phone("3", called=not consulted_calls)
    first = target if consulted_calls else second
    office.bridges.connect(first, second if first is target else target)
    step = asyncio.create_task(office.bridges.alone(first))
    await settle()
    office.refer(transferor, "3", replaces=second)
    assert office.told(transferor) == [(200, True)]
    assert talk.together(transferee, target)
    await settle()
    assert second.finished.is_set()
    assert not transferor.finished.is_set()
    await asyncio.sleep(0.04)
    assert transferor.finished.is_set()
    assert talk.together(transferee, target)
    office.end("3")
    await settle()
    if side == "callee":
        assert talk.step.done()
        assert not transferee.finished.is_set()
    else:
        assert transferee.finished.is_set()
    step.cancel()


async def test_attended_into_a_room(talk: Talk) -> None:
    office = talk.office
    second = office.phone("2b")
    office.rooms.enter("conference:weekly", second)
    office.refer(talk.callee, "conference", replaces=second)
    assert office.seated == [(talk.caller, "conference:weekly")]
    assert office.told(talk.callee) == [(200, True)]
    await settle()
    assert second.finished.is_set()
    assert not talk.caller.finished.is_set()


async def test_out_of_a_room_the_consulted_one_is_brought_in(talk: Talk) -> None:
    office = talk.office
    chair = office.phone("5")
    office.rooms.enter("conference:weekly", chair)
    office.refer(chair, "2", replaces=talk.caller)
    assert office.seated == [(talk.callee, "conference:weekly")]
    assert office.told(chair) == [(200, True)]
    await settle()
    assert talk.caller.finished.is_set()
    assert not talk.callee.finished.is_set()


async def test_a_consulted_phone_that_still_rings_is_called_anew(talk: Talk) -> None:
    office = talk.office
    second = office.new_call("2b")
    office.refer(talk.callee, "3", replaces=second)
    await settle()
    assert second.finished.is_set()
    assert office.rings == []  # the phone hears of the end of the first call before
    await asyncio.sleep(0.04)
    assert len(office.rings) == 1
    target = office.phone("3", called=True)
    office.rings[0].answer(target)
    await settle()
    assert talk.together(talk.caller, target)


async def test_a_call_cannot_be_transferred_to_itself(talk: Talk) -> None:
    for replaced in (talk.callee, talk.caller):
        talk.office.refer(talk.callee, "3", replaces=replaced)
    assert talk.office.told(talk.callee) == [(403, True)] * 2
    assert talk.together(talk.caller, talk.callee)


async def test_a_call_elsewhere_is_replaced_by_the_targets_phone(talk: Talk) -> None:
    foreign = Replaces("call@elsewhere", "a", "b")
    talk.office.refer(talk.callee, "3", replaces=foreign)
    await settle()
    assert talk.office.rings[0].targets[0].headers[2:] == (
        ("Replaces", "call@elsewhere;to-tag=a;from-tag=b"),
        ("Require", "replaces"),
    )


# INVITE with Replaces


@BOTH
async def test_a_call_takes_another_ones_place(talk: Talk, side: str) -> None:
    office = talk.office
    replaced, other = talk.roles(side)
    new = office.new_call("7")
    office.places.take_over(new, replaced.call.leg)
    assert talk.together(new, other)
    await settle()
    assert replaced.finished.is_set()
    assert talk.together(new, other)
    office.end("7")
    await settle()
    assert other.finished.is_set() is (side == "caller")


async def test_a_call_takes_another_ones_place_while_that_is_transferring(talk: Talk) -> None:
    office = talk.office
    office.refer(talk.callee, "3")
    await settle()
    new = office.new_call("7")
    office.places.take_over(new, "2")
    target = office.phone("3", called=True)
    office.rings[0].answer(target)
    await settle()
    assert talk.together(talk.caller, new)
    assert target.finished.is_set()


async def test_a_call_takes_another_ones_place_in_a_room() -> None:
    office = Exchange()
    sitting, new = office.phone("1"), office.new_call("7")
    office.rooms.enter("conference:weekly", sitting)
    office.places.take_over(new, "1")
    assert office.seated == [(new, "conference:weekly")]
    await settle()
    assert sitting.finished.is_set()


@pytest.mark.parametrize("leg_name", ["1", "nobody"])
async def test_there_must_be_a_place_to_take(leg_name: str) -> None:
    office = Exchange()
    alone, new = office.phone("1"), office.new_call("7")
    office.places.take_over(new, leg_name)
    await settle()
    assert office.core.refused == {"7": 481}
    assert not alone.finished.is_set()
