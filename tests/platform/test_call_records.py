"""Records and events of calls: VoIPBIN's, in VoIPBIN's order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.calls.exchange import settle
from tests.platform.office import Office, rest
from voipbin_sip.platform.afterwards import close_unfinished
from voipbin_sip.platform.calls import muted
from voipbin_sip.resources.kinds.agent import StoredAgent
from voipbin_sip.resources.kinds.call import CallResource, GroupcallResource
from voipbin_sip.resources.kinds.conference import ConferencecallResource, ConferenceResource
from voipbin_sip.resources.kinds.fields import AddressField
from voipbin_sip.resources.kinds.flow import ActiveflowResource
from voipbin_sip.sip.events import Ended


async def test_the_events_of_a_call_that_comes_in(office: Office) -> None:
    session = await office.call_in("1", "waits")
    session.answer()
    office.end("1")
    await rest()
    assert office.told_of() == [
        "activeflow_created",
        "call_created",
        "activeflow_updated",
        "call_updated",
        "call_progressing",
        "call_hangup",
        "activeflow_step",
        "activeflow_updated",
    ]
    created, last = (office.events[1].data, office.events[5].data)
    assert (created["status"], created["direction"]) == ("ringing", "incoming")
    assert created["activeflow_id"] == str(office.events[0].resource_id)
    assert created["flow_id"] == str(next(iter(office.flows)).uuid)
    assert (last["status"], last["hangup_by"], last["hangup_reason"]) == ("hangup", "remote", "normal")
    assert last["sip_status"] == 200
    assert last["tm_progressing"] <= last["tm_hangup"]
    run = office.events[7].data
    assert (run["status"], [step["type"] for step in run["executed_actions"]]) == ("ended", ["sleep"])
    kept = await office.platform.history.get(CallResource, session.call.id)
    assert kept.public() == {**last, "tm_update": kept.public()["tm_update"]}


async def test_a_flow_that_hangs_up(office: Office) -> None:
    await office.call_in("1", "ends")
    await rest()
    assert [type_ for type_ in office.told_of("call") if type_ != "call_updated"] == [
        "call_created",
        "call_terminating",
        "call_hangup",
    ]
    (last,) = [event for event in office.events if event.type == "call_hangup"]
    assert (last.data["hangup_by"], last.data["hangup_reason"]) == ("local", "normal")


async def test_a_flow_that_comes_to_its_end_is_over_before_its_call(office: Office) -> None:
    session = await office.call_in("1", "short")
    session.answer()
    await rest()
    ends = [
        event for event in office.events if event.data.get("status") in ("ended", "terminating", "hangup")
    ]
    assert [event.type for event in ends] == ["activeflow_updated", "call_terminating", "call_hangup"]


async def test_two_calls_that_are_connected_know_each_other(office: Office) -> None:
    caller = await office.call_in("1", "connects")
    await rest()
    callee = await office.answer("2")
    assert caller.call.confbridge_id is not None
    assert caller.call.confbridge_id == callee.call.confbridge_id
    first = await office.services.calls.get(caller.call.id)
    second = await office.services.calls.get(callee.call.id)
    assert (first.chained_call_ids, second.master_call_id) == ([second.id], first.id)
    assert first.confbridge_id == second.confbridge_id == caller.call.confbridge_id
    assert (first.status, second.status) == ("progressing", "progressing")
    own = [event.type for event in office.events if event.resource_id == second.id]
    assert own == ["call_created", "call_dialing", "call_ringing", "call_progressing", "call_updated"]
    office.end("2")
    await rest()
    last = await office.services.calls.get(second.id)
    assert (last.status, last.confbridge_id.int) == ("hangup", 0)
    assert own[-1] != "call_hangup"
    assert [event.type for event in office.events if event.resource_id == second.id][-1] == "call_hangup"


async def test_a_busy_phone_is_told_as_such(office: Office) -> None:
    await office.call_in("1", "connects")
    await rest()
    office.calls["2"].ended(Ended("2", "remote", 486, "Busy Here", cause=17))
    await rest()
    (callee,) = [
        e.data for e in office.events if e.type == "call_hangup" and e.data["direction"] == "outgoing"
    ]
    assert (callee["hangup_by"], callee["hangup_reason"], callee["sip_status"]) == ("remote", "busy", 486)
    (group,) = [e.data for e in office.events if e.type == "groupcall_hangup"]
    assert group["call_ids"] == [callee["id"]]
    assert callee["groupcall_id"] == group["id"]
    assert office.told_of("groupcall") == ["groupcall_created", "groupcall_hangup"]


async def test_digits_are_told_with_the_run_that_they_are_for(office: Office) -> None:
    session = await office.call_in("1", "waits")
    session.answer()
    await office.press("1", "7")
    (event,) = [event for event in office.events if event.type == "dtmf_received"]
    assert event.data["digit"] == "7"
    assert event.webhook
    record = await office.services.calls.get(session.call.id)
    assert (event.resource_id, event.activeflow_id) == (record.id, record.activeflow_id)


async def test_a_call_at_an_agents_phone_is_the_agents(office: Office) -> None:
    agent = StoredAgent(username="ada", addresses=[AddressField(type="extension", target="1")])
    agent = await office.platform.catalogue.create(agent)
    session = await office.call_in("1", "waits")
    record = await office.services.calls.get(session.call.id)
    assert (record.owner_type, record.owner_id) == ("agent", agent.id)
    assert office.events[-1].owner_id == agent.id


async def test_conferences_tell_who_comes_and_goes_and_can_put_somebody_out(office: Office) -> None:
    conference = await office.platform.catalogue.create(ConferenceResource(name="weekly"))
    session = office.new_call("1")
    office.live.begin(session)
    session.answer()
    office.rooms.enter(f"conference:{conference.id}", session)
    (member,) = await office.platform.history.page(
        ConferencecallResource, before=office.platform.ledger.stamps() + timedelta(days=1), size=10
    )
    assert (member.conference_id, member.reference_id, member.status) == (
        conference.id,
        session.call.id,
        "joined",
    )
    shown = office.services.conferences.shown(conference)
    assert shown.conferencecall_ids == [member.id]
    left = await office.services.conferences.kick(member.id)
    assert left.status == "leaved"
    told = [event for event in office.events if event.type.startswith(("participant", "conference_upd"))]
    assert [event.type for event in told] == [
        "participant_joined",
        "conference_updated",
        "participant_left",
        "conference_updated",
    ]
    assert all(event.webhook for event in told)
    assert [event.data["conferencecall_ids"] for event in (told[1], told[3])] == [[str(member.id)], []]
    assert not office.rooms.of(session)


async def test_a_conference_that_is_ended_empties(office: Office) -> None:
    conference = await office.platform.catalogue.create(ConferenceResource(name="weekly"))
    session = office.new_call("1")
    office.live.begin(session)
    session.answer()
    office.rooms.enter(f"conference:{conference.id}", session)
    await office.platform.catalogue.delete(ConferenceResource, conference.id)
    assert session.call.confbridge_id is None
    assert "conferencecall_leaved" in office.told_of()


async def test_a_conference_of_two_closes_with_the_last_but_one(office: Office) -> None:
    conference = await office.platform.catalogue.create(ConferenceResource(type="connect"))
    sessions = [office.new_call(name) for name in "123"]
    for session in sessions:
        office.live.begin(session)
        office.rooms.enter(f"conference:{conference.id}", session)
    office.rooms.put_out(sessions[0])
    await settle()
    assert [office.rooms.of(session) is not None for session in sessions] == [False, True, True]
    office.rooms.put_out(sessions[1])
    await settle()
    assert office.rooms.of(sessions[2]) is None


async def test_a_conference_ends_when_its_time_is_over(office: Office) -> None:
    for seconds in (99, 1000, 0):
        await office.platform.catalogue.create(ConferenceResource(timeout=seconds, name=str(seconds)))
    await office.services.conferences.end_those_over(office.platform.ledger.stamps() + timedelta(seconds=100))
    left = office.platform.catalogue.all(ConferenceResource)
    assert {conference.name for conference in left} == {"1000", "0"}
    (event,) = [event for event in office.events if event.type == "conference_deleted"]
    assert (event.data["name"], event.data["status"]) == ("99", "terminated")


async def test_what_was_left_open_by_a_killed_server_is_closed(office: Office) -> None:
    history, stamps = office.platform.history, office.platform.ledger.stamps
    call = history.begin(CallResource(status="progressing"))
    ended = history.begin(CallResource(status="hangup", hangup_reason="busy"))
    run = history.begin(ActiveflowResource(status="running"))
    group = history.begin(GroupcallResource())
    now = stamps()
    later = history.begin(CallResource(status="ringing"))
    await asyncio.sleep(0.1)  # until they are written
    office.events.clear()
    assert await close_unfinished(office.platform.store, history, now) == 3
    assert sorted(office.told_of()) == ["activeflow_updated", "call_hangup", "groupcall_hangup"]
    closed = await history.get(CallResource, call.id)
    assert (closed.status, closed.hangup_reason, closed.tm_hangup) == ("hangup", "failed", now)
    assert (await history.get(CallResource, ended.id)).hangup_reason == "busy"
    assert (await history.get(CallResource, later.id)).status == "ringing"
    assert (await history.get(ActiveflowResource, run.id)).status == "ended"
    assert (await history.get(GroupcallResource, group.id)).status == "hangup"


@pytest.mark.parametrize(
    ("now", "side", "on", "then"),
    [
        ("", "in", True, "in"),
        ("", "", True, "both"),
        ("in", "out", True, "both"),
        ("in", "in", True, "in"),
        ("both", "in", False, "out"),
        ("both", "out", False, "in"),
        ("both", "", False, ""),
        ("out", "in", False, "out"),
        ("", "both", False, ""),
    ],
)
def test_the_arithmetic_of_mute(now: str, side: str, on: bool, then: str) -> None:
    assert muted(now, side, on=on) == then


async def test_nothing_is_kept_of_calls_that_are_over(office: Office) -> None:
    await office.call_in("1", "waits")
    office.end("1")
    await settle()
    assert len(office.live) == 0
    assert len(office.host.runs) == 0
