"""The routes for calls, runs, transfers and timelines: what they take, answer and refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.api.serving import Api, add_agent
from tests.platform.office import Office, rest
from voipbin_sip.resources.kinds.accesskey import make_accesskey
from voipbin_sip.resources.kinds.agent import Permission

NOBODY = "00000000-0000-4000-8000-000000000000"
WAIT = [{"type": "block", "id": "here"}]
REST = [{"type": "sleep", "option": {"duration": 60000}}]


class Desk:
    """An office with an API."""

    def __init__(self, office: Office, api: Api) -> None:
        self.office = office
        self.api = api

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.api.ask(method, path, body)
        assert status == 200, answer
        return answer

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        status, answer = await self.api.ask(method, path, body)
        return status, answer["error"]["reason"]


@asynccontextmanager
async def desk_of(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """Open one."""
    office = await Office.opened(database, tmp_path)
    platform = office.platform
    key, token = make_accesskey("tests")
    await platform.catalogue.create(key)
    host, port = platform.open("127.0.0.1", 0)
    await platform.answer()
    async with aiohttp.ClientSession() as http:
        yield Desk(office, Api(f"http://{host}:{port}", token, platform.services, http))
    await platform.close_api()
    await office.close()


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(database, tmp_path) as opened:
        yield opened


def tel(number: str) -> dict[str, str]:
    return {"type": "tel", "target": number}


async def test_calls_are_placed_listed_and_ended(desk: Desk) -> None:
    body = {"actions": REST, "source": tel("+4930123"), "destinations": [tel("+49301"), tel("+49302")]}
    placed = await desk.ok("POST", "/calls", body)
    assert [call["status"] for call in placed["calls"]] == ["dialing", "dialing"]
    assert placed["groupcalls"] == []
    first, second = placed["calls"]
    assert first["source"] == {**tel("+4930123"), "target_name": "", "name": "", "detail": ""}
    listed = await desk.ok("GET", "/calls?page_size=1")
    assert [call["id"] for call in listed["result"]] == [second["id"]]
    older = await desk.ok("GET", f"/calls?page_token={listed['next_page_token']}")
    assert [call["id"] for call in older["result"]] == [first["id"]]
    runs = await desk.ok("GET", "/activeflows")
    assert {run["id"] for run in runs["result"]} == {call["activeflow_id"] for call in placed["calls"]}
    ended = await desk.ok("POST", f"/calls/{first['id']}/hangup")
    assert ended["status"] in ("canceling", "hangup")
    await rest()
    assert (await desk.ok("GET", f"/calls/{first['id']}"))["hangup_reason"] == "cancel"
    assert await desk.refused("POST", f"/calls/{first['id']}/hangup") == (409, "STATE_INVALID")
    deleted = await desk.ok("DELETE", f"/calls/{second['id']}")
    assert deleted["tm_delete"]
    assert [call["id"] for call in (await desk.ok("GET", "/calls"))["result"]] == [first["id"]]
    assert (await desk.ok("GET", f"/calls/{second['id']}"))["tm_delete"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"destinations": []}, "INVALID_ARGUMENT"),
        ({"actions": REST}, "INVALID_ARGUMENT"),
        ({"actions": [{"type": "tlak"}], "destinations": [tel("+49301")]}, "INVALID_ACTION_TYPE"),
        ({"actions": [], "destinations": [tel("+49301")]}, "INVALID_ARGUMENT"),
        ({"flow_id": NOBODY, "destinations": [tel("+49301")]}, "FLOW_NOT_FOUND"),
        ({"actions": REST, "destinations": [tel("999")]}, "DESTINATION_NOT_REACHABLE"),
        (
            {"actions": REST, "destinations": [tel("+49301")], "anonymous": "perhaps"},
            "INVALID_ANONYMOUS_VALUE",
        ),
        ({"actions": REST, "destinations": [{"type": "tel", "target": "+1\r\nX: y"}]}, "INVALID_ARGUMENT"),
    ],
)
async def test_calls_that_cannot_be_placed(desk: Desk, body: object, reason: str) -> None:
    status, told = await desk.refused("POST", "/calls", body)
    assert told == reason
    assert status == (404 if reason == "FLOW_NOT_FOUND" else 400)
    assert not desk.office.calls


@pytest.mark.parametrize("what", ["hold", "moh", "silence", "mute"])
async def test_switches_need_a_call_that_is_answered(desk: Desk, what: str) -> None:
    placed = await desk.ok("POST", "/calls", {"actions": REST, "destinations": [tel("+49301")]})
    id_ = placed["calls"][0]["id"]
    assert await desk.refused("POST", f"/calls/{id_}/{what}") == (409, "STATE_INVALID")
    session = await desk.office.answer("+49301")
    assert (await desk.ok("POST", f"/calls/{id_}/{what}"))["status"] == "progressing"
    session._offering = False
    now = await desk.ok("DELETE", f"/calls/{id_}/{what}")
    assert now["mute_direction"] == ""
    assert await desk.refused("POST", f"/calls/{NOBODY}/{what}") == (404, "CALL_NOT_FOUND")


async def test_talk_and_mute_take_what_they_need(desk: Desk) -> None:
    session = await desk.office.call_in("1", "waits")
    path = f"/calls/{session.call.id}"
    assert await desk.refused("POST", f"{path}/talk", {"text": ""}) == (400, "INVALID_ARGUMENT")
    assert (await desk.ok("POST", f"{path}/talk", {"text": "Hello"}))["status"] == "progressing"
    assert await desk.refused("POST", f"{path}/talk", {"text": "bad"}) == (400, "INVALID_ARGUMENT")
    assert (await desk.ok("POST", f"{path}/mute", {"direction": "out"}))["mute_direction"] == "out"
    assert (await desk.ok("POST", f"{path}/mute", {}))["mute_direction"] == "both"
    assert await desk.refused("POST", f"{path}/mute", {"direction": "up"}) == (400, "INVALID_ARGUMENT")


async def test_groupcalls(desk: Desk) -> None:
    there = [{"type": "extension", "target": name} for name in "56"]
    body = {"actions": REST, "destinations": there, "ring_method": "linear", "answer_method": "hangup_others"}
    group = await desk.ok("POST", "/groupcalls", body)
    assert (group["status"], group["ring_method"], group["call_count"]) == ("progressing", "linear", 1)
    assert (await desk.ok("GET", "/groupcalls"))["result"] == [
        await desk.ok("GET", f"/groupcalls/{group['id']}")
    ]
    await desk.ok("POST", f"/groupcalls/{group['id']}/hangup")
    await rest()
    assert (await desk.ok("GET", f"/groupcalls/{group['id']}"))["status"] == "hangup"
    assert await desk.refused("POST", f"/groupcalls/{group['id']}/hangup") == (409, "STATE_INVALID")
    assert (await desk.ok("DELETE", f"/groupcalls/{group['id']}"))["tm_delete"]
    assert await desk.refused("DELETE", f"/groupcalls/{group['id']}") == (404, "GROUPCALL_NOT_FOUND")
    assert (await desk.ok("GET", "/groupcalls"))["result"] == []


async def test_activeflows(desk: Desk) -> None:
    chosen = "12345678-1234-4234-8234-123456789012"
    body = {"id": chosen, "actions": WAIT, "variables": {f"v{n}": "x" for n in range(101)}}
    run = await desk.ok("POST", "/activeflows", body)
    assert (run["id"], run["status"], run["reference_type"]) == (chosen, "running", "api")
    live = desk.office.host.runs.get(desk.office.events[0].resource_id)
    assert live is not None
    assert "v1" not in live.run.variables  # beyond the limit, all are dropped
    assert await desk.refused("POST", "/activeflows", body) == (409, "STATE_INVALID")
    path = f"/activeflows/{chosen}"
    assert await desk.refused("POST", f"{path}/jump", {"forward_action_id": "nowhere"}) == (
        409,
        "STATE_INVALID",
    )
    pushed = {"actions": [{"type": "variable_set", "option": {"key": "a", "value": "b"}}, *WAIT]}
    await desk.ok("POST", f"{path}/push_actions", pushed)
    status, answer = await desk.api.ask("POST", f"{path}/push_actions", {"actions": [{"type": "tlak"}]})
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    await desk.ok("POST", f"{path}/continue")
    await rest()
    now = await desk.ok("GET", path)
    assert [step["type"] for step in now["executed_actions"]] == ["block", "variable_set"]
    await desk.ok("POST", f"{path}/jump", {"forward_action_id": "here", "forward_now": True})
    assert (await desk.ok("POST", f"{path}/stop"))["status"] == "ended"
    assert await desk.refused("POST", f"{path}/stop") == (409, "STATE_INVALID")
    assert (await desk.api.ask("DELETE", path))[0] == 204
    assert await desk.refused("DELETE", path) == (404, "ACTIVEFLOW_NOT_FOUND")


async def test_steps_that_need_a_call_are_skipped_visibly(desk: Desk) -> None:
    run = await desk.ok(
        "POST", "/activeflows", {"actions": [{"type": "talk", "option": {"text": "Hello"}}, *WAIT]}
    )
    await rest()
    events = await desk.ok("GET", f"/timelines/activeflows/{run['id']}/events")
    (step,) = [event["data"] for event in events["result"] if event["event_type"] == "activeflow_step"]
    assert (step["type"], step["outcome"]) == ("talk", "skipped")


async def test_timelines(desk: Desk) -> None:
    session = await desk.office.call_in("1", "waits")
    id_, office = session.call.id, desk.office
    office.end("1")
    await rest()
    page = await desk.ok("GET", f"/timelines/calls/{id_}/events?page_size=1")
    assert [event["event_type"] for event in page["result"]] == ["call_hangup"]
    older = await desk.ok("GET", f"/timelines/calls/{id_}/events?page_token={page['next_page_token']}")
    assert older["result"][-1]["event_type"] == "call_created"
    end = await desk.ok("GET", f"/timelines/calls/{id_}/events?page_token={older['next_page_token']}")
    assert end == {"result": [], "next_page_token": ""}
    everything = await desk.ok("GET", f"/aggregated-events?call_id={id_}")
    assert {event["event_type"] for event in everything["result"]} >= {"activeflow_created", "call_hangup"}
    run = (await desk.ok("GET", f"/calls/{id_}"))["activeflow_id"]
    assert await desk.ok("GET", f"/aggregated-events?activeflow_id={run}") == everything
    assert await desk.refused("GET", f"/timelines/calls/{NOBODY}/events") == (404, "CALL_NOT_FOUND")
    assert (await desk.refused("GET", f"/timelines/planets/{NOBODY}/events"))[0] == 400
    assert (await desk.refused("GET", "/aggregated-events"))[0] == 400


async def test_transfers_need_two_who_talk(desk: Desk) -> None:
    body: dict[str, Any] = {
        "transfer_type": "blind",
        "transferer_call_id": NOBODY,
        "transferee_addresses": [{"type": "extension", "target": "3"}],
    }
    assert await desk.refused("POST", "/transfers", body) == (404, "CALL_NOT_FOUND")
    session = await desk.office.call_in("1", "waits")
    session.answer()
    body["transferer_call_id"] = str(session.call.id)
    assert await desk.refused("POST", "/transfers", body) == (409, "STATE_INVALID")
    assert (await desk.refused("POST", "/transfers", {**body, "transfer_type": "warm"}))[0] == 400


async def test_agents_see_calls_and_do_not_steer_them(desk: Desk) -> None:
    agent = await add_agent(desk.api, "ada", Permission.AGENT)
    token = desk.api.services.tokens.make(agent.id)
    session = await desk.office.call_in("1", "waits")
    params = {"token": token}
    status, _ = await desk.api.ask("GET", f"/calls/{session.call.id}", params=params)
    assert status == 200
    status, answer = await desk.api.ask("POST", f"/calls/{session.call.id}/hangup", params=params)
    assert (status, answer["error"]["reason"]) == (403, "PERMISSION_DENIED")
    with suppress(KeyError):
        desk.office.end("1")
