"""What the API does with calls, runs and transfers, without HTTP."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.calls.exchange import leg, settle
from tests.platform.office import Office, rest
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.platform.flow_book import FlowRefused
from voipbin_sip.platform.placing import Order
from voipbin_sip.platform.refused import Closing, NobodyCalled, Unspeakable, WrongState
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.kinds.agent import StoredAgent
from voipbin_sip.resources.kinds.fields import AddressField
from voipbin_sip.resources.kinds.flow import ActiveflowResource

BOSS = AddressField(type="tel", target="+4930123456")


def order(office: Office, *to: tuple[str, str], flow: str = "waits", **options: object) -> Order:
    uuid = next(known.uuid for known in office.flows if known.name == flow)
    return office.services.placing.order(
        uuid,
        [],
        source=BOSS,
        destinations=[AddressField(type=type_, target=target) for type_, target in to],
        private=False,
        payer="accesskey:test",
        **options,  # type: ignore[arg-type]
    )


def run_of(office: Office, session: CallSession) -> UUID:
    record = office.services.records.get(session.call.id)
    assert record is not None
    return record.activeflow_id


async def test_single_destinations_are_calls_and_extensions_are_groupcalls(office: Office) -> None:
    calls, groups = await office.services.placing.calls(
        order(office, ("tel", "+4930777"), ("extension", "5"))
    )
    (call,), (group,) = calls, groups
    assert (call.status, call.direction, call.source) == ("dialing", "outgoing", BOSS)
    assert call.destination.target == "+4930777"
    assert group.call_ids != [call.id]
    assert group.call_count == 1
    assert office.calls["5"].call.payer == "accesskey:test"
    own = [
        event.type
        for event in office.events
        if call.activeflow_id in (event.resource_id, event.activeflow_id)
    ]
    assert own == ["activeflow_created", "call_created", "call_dialing"]


async def test_who_answers_runs_the_flow_with_the_variables_that_may_be_given(office: Office) -> None:
    given = {"name": "Ada", "voipbin.call.id": "mine"}
    ((call,), _) = await office.services.placing.calls(order(office, ("tel", "+4930777"), variables=given))
    session = await office.answer("+4930777")
    live = office.host.runs.get(call.activeflow_id)
    assert live is not None
    assert live.run.variables["name"] == "Ada"
    assert live.run.variables["voipbin.call.id"] == str(call.id)
    record = await office.platform.history.get(ActiveflowResource, call.activeflow_id)
    assert (record.status, record.current_action["type"]) == ("running", "sleep")
    assert record.reference_id == call.id
    await office.services.calls.hang_up(call.id)
    await rest()
    assert session.call.is_over
    assert office.told_of("activeflow").count("activeflow_created") == 1
    assert (await office.platform.history.get(ActiveflowResource, record.id)).status == "ended"


async def test_the_run_of_a_call_that_nobody_answers_ends_with_it(office: Office) -> None:
    ((call,), _) = await office.services.placing.calls(order(office, ("tel", "+4930777")))
    office.calls["+4930777"].hang_up("normal")
    await rest()
    assert office.told_of()[-3:] == ["call_canceling", "call_hangup", "activeflow_updated"]
    assert (await office.services.calls.get(call.id)).hangup_reason == "cancel"
    assert (await office.platform.history.get(ActiveflowResource, call.activeflow_id)).status == "ended"


async def test_nobody_can_be_called(office: Office) -> None:
    with pytest.raises(NobodyCalled) as refused:
        await office.services.placing.calls(order(office, ("tel", "999")))
    assert refused.value.faults == [("tel 999", "not allowed")]
    calls, _ = await office.services.placing.calls(order(office, ("tel", "999"), ("tel", "+49301")))
    assert len(calls) == 1


async def test_a_linear_groupcall_rings_one_after_the_other(office: Office) -> None:
    group = await office.services.placing.groupcall(
        order(office, ("extension", "5"), ("extension", "6")), linear=True, hang_up_others=True
    )
    assert set(office.calls) == {"5"}
    office.calls["5"].hang_up("normal")
    await rest()
    assert set(office.calls) == {"6"}
    await office.answer("6")
    now = await office.services.groupcalls.get(group.id)
    assert (now.dial_index, now.answer_call_id) == (1, office.calls["6"].call.id)
    assert len(now.call_ids) == 2


async def test_an_agent_is_called_as_he_wishes_to_be(office: Office) -> None:
    places = [AddressField(type="extension", target=name) for name in ("5", "6")]
    agent = await office.platform.catalogue.create(
        StoredAgent(username="ada", ring_method="linear", addresses=places)
    )
    (_, (group,)) = await office.services.placing.calls(order(office, ("agent", str(agent.id))))
    assert (group.ring_method, group.owner_id, set(office.calls)) == ("linear", agent.id, {"5"})
    office.calls["5"].hang_up("normal")
    await rest()
    assert set(office.calls) == {"6"}


async def test_a_server_that_is_about_to_stop_places_no_calls(office: Office) -> None:
    office.live.closing = True
    with pytest.raises(Closing):
        await office.services.placing.calls(order(office, ("tel", "+4930777")))


@pytest.mark.parametrize("hang_up_others", [True, False])
async def test_the_first_answer_of_a_groupcall(office: Office, hang_up_others: bool) -> None:
    group = await office.services.placing.groupcall(
        order(office, ("extension", "5"), ("extension", "6")), linear=False, hang_up_others=hang_up_others
    )
    assert len(group.call_ids) == 2
    await office.answer("5")
    assert ("6" in office.calls) is not hang_up_others
    if not hang_up_others:
        await office.answer("6")
        assert len(office.host.runs) == 2
    await office.services.groupcalls.hang_up(group.id)
    await rest()
    assert not office.calls
    assert office.told_of("groupcall") == ["groupcall_created", "groupcall_progressing", "groupcall_hangup"]
    with pytest.raises(WrongState):
        await office.services.groupcalls.hang_up(group.id)


async def test_interrupts_leave_the_flow_where_it_is(office: Office) -> None:
    calls = office.services.calls
    session = await office.call_in("1", "waits")
    id_ = session.call.id
    with pytest.raises(WrongState, match="ringing"):
        await calls.hold(id_, on=True)
    await calls.talk(id_, "hello", language="en-US", provider="", voice_id="")
    assert session.call.status is Status.PROGRESSING  # it was answered for that
    await calls.hold(id_, on=True)
    assert leg(session).plays
    assert office.core.offered == [("1", "sendonly")]
    with pytest.raises(WrongState, match="last change"):
        await calls.hold(id_, on=False)
    session.offer_refused(488)
    assert not session.on_hold
    await calls.hold(id_, on=True)
    session.offer_answered(None)  # type: ignore[arg-type]
    await calls.hold(id_, on=False)
    assert [direction for _, direction in office.core.offered] == ["sendonly", "sendonly", "sendrecv"]
    before = len(leg(session).played)
    await calls.music(id_, on=True)
    await calls.silence(id_, on=True)
    await calls.silence(id_, on=True)
    assert len(leg(session).played) == before + 2
    assert (await calls.mute(id_, "in", on=True)).mute_direction == "in"
    assert (await calls.mute(id_, "out", on=True)).mute_direction == "both"
    assert leg(session).muted == "both"
    with pytest.raises(Unspeakable):
        await calls.talk(id_, "bad", language="en-US", provider="", voice_id="")
    live = office.host.runs.get(run_of(office, session))
    assert live is not None
    assert (live.run.action.id, live.run.steps) == ("first", 1)


async def test_what_is_over_is_refused_and_what_never_was_is_not_found(office: Office) -> None:
    session = await office.call_in("1", "waits")
    await office.services.calls.delete(session.call.id)
    assert session.call.is_over
    assert office.told_of("call")[-2:] == ["call_hangup", "call_deleted"]
    with pytest.raises(WrongState):
        await office.services.calls.hang_up(session.call.id)
    with pytest.raises(NotFound):
        await office.services.calls.hang_up(NO_UUID)
    with pytest.raises(NotFound):
        await office.services.calls.delete(session.call.id)


async def test_runs_are_begun_steered_and_stopped(office: Office) -> None:
    runs = office.services.activeflows
    flow, shown = runs.flow(NO_UUID, [{"type": "block", "id": "here"}, {"type": "block", "id": "there"}])
    record = await runs.start(flow, shown, variables={}, payer="accesskey:test")
    assert (record.status, record.reference_type, record.flow_id) == ("running", "api", NO_UUID)
    await settle()
    with pytest.raises(WrongState):
        await runs.proceed(record.id, "elsewhere")
    await runs.proceed(record.id, "here")
    await settle()
    now = await office.platform.history.get(ActiveflowResource, record.id)
    assert now.current_action["type"] == "block"
    assert [step["type"] for step in now.executed_actions] == ["block"]
    await runs.push(record.id, [{"type": "variable_set", "option": {"key": "a", "value": "b"}}])
    await runs.jump(record.id, "here", now=True)
    await settle()
    now = await office.platform.history.get(ActiveflowResource, record.id)
    assert [step["type"] for step in now.executed_actions] == ["block", "block", "variable_set"]
    with pytest.raises(FlowRefused):
        await runs.push(record.id, [{"type": "tlak"}])
    stopped = await runs.stop(record.id)
    assert stopped.status == "ended"
    for deed in (runs.stop(record.id), runs.proceed(record.id, "")):
        with pytest.raises(WrongState):
            await deed
    await runs.delete(record.id)
    assert office.told_of("activeflow")[-1] == "activeflow_deleted"


async def test_stopping_the_run_of_a_call_that_rings_ends_the_call(office: Office) -> None:
    ((call,), _) = await office.services.placing.calls(order(office, ("tel", "+4930777")))
    stopped = await office.services.activeflows.stop(call.activeflow_id)
    assert stopped.status == "ended"
    assert not office.calls


async def talking(office: Office) -> tuple[CallSession, CallSession]:
    caller = await office.call_in("1", "connects")
    await rest()
    return caller, await office.answer("2")


def to(*names: str) -> list[AddressField]:
    return [AddressField(type="extension", target=name) for name in names]


async def test_blind_transfer(office: Office) -> None:
    caller, callee = await talking(office)
    record = await office.services.transfers.begin("blind", callee.call.id, to("3"))
    await rest()
    assert callee.call.is_over
    assert not caller.call.is_over
    target = await office.answer("3")
    assert office.room(target) is office.room(caller) is not None
    done = await office.platform.history.get(type(record), record.id)
    assert done.transferee_call_id == target.call.id
    assert done.groupcall_id == target.call.groupcall_id
    office.end("3")
    await rest()
    assert caller.call.is_over  # its flow has ended


async def test_a_blind_transfer_that_nobody_answers_lets_the_callers_flow_go_on(office: Office) -> None:
    caller, callee = await talking(office)
    await office.services.transfers.begin("blind", callee.call.id, to("3"))
    await rest()
    office.calls["3"].hang_up("normal")
    await rest()
    assert caller.call.is_over
    assert not office.calls


async def test_attended_transfer(office: Office) -> None:
    caller, callee = await talking(office)
    await office.services.transfers.begin("attended", callee.call.id, to("3"))
    await rest()
    assert (leg(caller).muted, leg(caller).plays) == ("in", True)
    target = await office.answer("3")
    assert office.room(target) is office.room(callee) is office.room(caller)
    assert (leg(caller).muted, leg(caller).plays) == ("in", True)
    with pytest.raises(WrongState):
        await office.services.transfers.begin("attended", callee.call.id, to("4"))
    callee.hang_up("normal")
    await rest()
    assert (leg(caller).muted, leg(caller).plays) == ("", False)
    assert office.room(target) is office.room(caller) is not None
    office.end("3")
    await rest()
    assert caller.call.is_over


@pytest.mark.parametrize("after", ["ringing", "answer"])
async def test_an_attended_transfer_that_comes_to_nothing(office: Office, after: str) -> None:
    caller, callee = await talking(office)
    await office.services.transfers.begin("attended", callee.call.id, to("3"))
    await rest()
    if after == "answer":
        await office.answer("3")
    office.calls["3"].hang_up("normal")
    await rest()
    assert (leg(caller).muted, leg(caller).plays) == ("", False)
    assert office.room(callee) is office.room(caller) is not None


async def test_who_is_in_no_bridge_cannot_transfer(office: Office) -> None:
    session = await office.call_in("1", "waits")
    session.answer()
    with pytest.raises(WrongState, match="bridge"):
        await office.services.transfers.begin("blind", session.call.id, to("3"))
