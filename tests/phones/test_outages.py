"""Webhooks whose receiver is gone, fails or is slow, and a server that dies: no event is lost, no call disturbed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.events.receiver import Receiver, receiving
from tests.phones import ports, prompts, sound
from tests.phones.server import Server, serving
from tests.phones.wire import Line, wire

pytestmark = pytest.mark.phones

SECRET = "between us"
PENDING = "/webhook_deliveries?dead=false"
TONE = """
name: tone
actions:
  - type: answer
  - type: play
    option: {stream_urls: [sounds/one.wav]}
  - type: hangup
"""
WAITS = """
name: waits
actions:
  - type: answer
  - type: sleep
    option: {duration: 60000}
"""


@pytest.fixture(scope="module")
def receiver() -> Receiver:
    return Receiver(port=ports.free())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("outages"),
        {"tone": TONE, "waits": WAITS},
        http={"listen": f"127.0.0.1:{ports.free()}", "allow_private": ["127.0.0.1"]},
        webhook={"uri": receiver.uri, "secret": SECRET},
    ) as server:
        yield server


async def ask(server: Server, path: str) -> Any:
    key = {"accesskey": server.accesskey}
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.api}/v1.0{path}", params=key) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def until(there: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await there():  # noqa: ASYNC110 - the server cannot tell us
            await asyncio.sleep(0.1)


async def call(line: Line) -> None:
    """Call, and hear the tone whole and undisturbed."""
    caller = await line.new_call("100")
    assert await caller.invite() == 200
    async with asyncio.timeout(10):
        await caller.ended.wait()
    (tone,) = [s for s in sound.stretches(caller.sound.heard(), prompts.RATE) if s.kind == "tone"]
    assert prompts.places([round(tone.frequency)]) == ["one"]
    assert tone.seconds == pytest.approx(1.2, abs=0.1)


async def calls(server: Server, count: int) -> None:
    async with wire(server.address) as line:
        await asyncio.gather(*(call(line) for _ in range(count)))


async def test_every_event_reaches_a_receiver_that_was_gone_failed_and_was_slow(
    server: Server, receiver: Receiver
) -> None:
    await calls(server, 4)
    waiting = await ask(server, PENDING)
    assert {"cannot be reached"} == {row["why"][:17] for row in waiting["result"] if row["why"]}
    receiver.status = 500
    async with receiving(receiver):
        await calls(server, 4)
        assert len(receiver.requests) >= 8
        receiver.status, receiver.delay = 200, 2.0
        await calls(server, 2)
        assert (await ask(server, PENDING))["result"]  # no call waited for them
        receiver.delay = 0.0

        async def delivered() -> bool:
            return not (await ask(server, PENDING))["result"]

        await until(delivered)
    await _all_arrived(server, receiver, 10)


async def _all_arrived(server: Server, receiver: Receiver, count: int) -> None:
    """Each event of each call came, with its id, those of a call in order."""
    arrived = [int(headers["X-VoIPBIN-Event-Id"]) for headers, _ in receiver.requests]
    first = {id_: place for place, id_ in reversed(list(enumerate(arrived)))}
    placed = (await ask(server, "/calls"))["result"]
    assert len(placed) == count
    for record in placed:
        past = (await ask(server, f"/aggregated-events?call_id={record['id']}"))["result"]
        ids = {event["id"]: event for event in past if event["event_type"] != "activeflow_step"}
        assert len(ids) >= 8
        assert ids.keys() <= first.keys()
        own = sorted(id_ for id_, event in ids.items() if event["resource_id"] == record["id"])
        assert own == sorted(own, key=lambda id_: first[id_])
        assert ids[own[0]]["event_type"] == "call_created"
        assert ids[own[-1]]["event_type"] == "call_hangup"


async def test_a_server_that_is_killed_before_it_could_deliver_does_so_when_it_is_back(
    server: Server, receiver: Receiver
) -> None:
    receiver.requests.clear()
    async with wire(server.address) as line:
        caller = await line.new_call("200")
        assert await caller.invite() == 200
        (record, *_) = (await ask(server, "/calls"))["result"]
        await until(lambda: asyncio.to_thread(_is_written, server.config.parent, record["id"]))
    assert not receiver.requests
    server.kill()
    async with receiving(receiver):
        server.start()

        async def told_of_the_end() -> bool:
            return "call_hangup" in [event["type"] for event in receiver.events]

        await until(told_of_the_end)
    own = [event for event in receiver.events if event["data"]["id"] == record["id"]]
    types = [event["type"] for event in own if event["type"] != "call_updated"]
    assert types == ["call_created", "call_progressing", "call_hangup"]
    assert own[-1]["data"]["hangup_reason"] == "failed"
    for headers, body in receiver.requests:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-VoIPBIN-Signature"] == f"sha256={signature}"


def _is_written(folder: Path, call_id: str) -> bool:
    """Whether the delivery of the newest event of a call waits on disk."""
    database = sqlite3.connect(f"file:{folder / 'data' / 'voipbin.db'}?mode=ro", uri=True)
    with closing(database):
        rows = database.execute("SELECT body FROM deliveries WHERE order_key = ?", [call_id]).fetchall()
    return "call_progressing" in [json.loads(body)["type"] for (body,) in rows]
