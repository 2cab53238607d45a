"""Conferences that the API watches and empties, runs with a webhook of their own, and a server that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.phones import ports
from tests.phones.client import client
from tests.phones.server import Server, serving
from tests.phones.wire import wire

pytestmark = pytest.mark.phones

RESTS = """
name: rests
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flows = {"rests": RESTS}
    folder = tmp_path_factory.mktemp("live")
    with serving(
        folder, flows, http={"listen": f"127.0.0.1:{ports.free()}", "allow_private": ["127.0.0.1"]}
    ) as server:
        yield server


async def test_a_conference_is_watched_and_emptied(server: Server) -> None:
    async with client(server) as api, wire(server.address) as line:
        room = (await api("POST", "/conferences", {"type": "conference", "name": "weekly"}))["id"]
        actions = [
            {"type": "conference_join", "option": {"conference_id": room}},
            {"type": "sleep", "option": {"duration": 60000}},
        ]
        flow = await api("POST", "/flows", {"name": "meets", "actions": actions})
        name = (await api("POST", f"/flows/{flow['id']}/direct-hash-regenerate"))["direct_hash"]
        one, two = [await line.new_call(name) for _ in range(2)]
        assert [await one.invite(), await two.invite()] == [200, 200]
        members = [
            await api.event("conferencecall_joined", reference_id=call["data"]["id"])
            for call in [event for event in api.events if event["type"] == "call_created"]
        ]
        first, second = (member["data"] for member in members)
        assert (await api("GET", f"/conferences/{room}"))["conferencecall_ids"] == [first["id"], second["id"]]
        put_out = await api("DELETE", f"/conferencecalls/{first['id']}")
        assert put_out["status"] == "leaved"
        await api.event("participant_left", id=first["id"])
        await api.event("activeflow_updated", id=first["activeflow_id"])
        await asyncio.sleep(0.2)
        run = await api("GET", f"/activeflows/{first['activeflow_id']}")
        assert run["current_action"]["type"] == "sleep"  # its flow goes on
        await api("DELETE", f"/conferencecalls/{first['id']}", status=409)
        await api("DELETE", f"/conferences/{room}")
        await api.event("participant_left", id=second["id"])
        for call in (one, two):
            assert await call.bye() == 200


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Serve a webhook; gives its URL and what has come."""
    came: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        came.append(await request.json())
        return web.Response()

    application = web.Application()
    application.router.add_post("/", take)
    runner = web.AppRunner(application)
    await runner.setup()
    port = ports.free()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/", came
    finally:
        await runner.cleanup()


async def test_a_run_has_a_webhook_of_its_own(server: Server) -> None:
    async with client(server) as api, receiver() as (url, came):
        order = {"actions": [{"type": "block"}], "webhook_uri": url, "webhook_method": "POST"}
        run = await api("POST", "/activeflows", order)
        await api("POST", "/activeflows", {"actions": [{"type": "block"}]})
        await api("POST", f"/activeflows/{run['id']}/continue")
        ended = await api.event("activeflow_updated", id=run["id"], status="ended")
        for _ in range(100):
            if came and came[-1]["data"]["status"] == "ended":
                break
            await asyncio.sleep(0.05)
    assert [event["type"] for event in came] == [
        "activeflow_created",
        "activeflow_updated",
        "activeflow_updated",
    ]
    assert {event["data"]["id"] for event in came} == {run["id"]}
    assert came[-1]["data"] == ended["data"]


async def test_what_a_killed_server_left_open_is_closed_at_its_next_start(server: Server) -> None:
    async with wire(server.address) as line:
        async with client(server) as api:
            call = await line.new_call("100")
            assert await call.invite() == 200
            created = (await api.event("call_progressing"))["data"]
            id_, run = created["id"], created["activeflow_id"]
            await asyncio.sleep(0.6)  # until it is written
        server.kill()
        server.start()
        async with client(server) as api:
            await asyncio.sleep(0.5)
            after = await api("GET", f"/calls/{id_}")
            assert after["status"] == "hangup"
            assert (after["hangup_by"], after["hangup_reason"]) == ("local", "failed")
            assert (await api("GET", f"/activeflows/{run}"))["status"] == "ended"
            timeline = (await api("GET", f"/timelines/calls/{id_}/events"))["result"]
            assert timeline[0]["event_type"] == "call_hangup"
            await api("POST", f"/calls/{id_}/hangup", status=409)
