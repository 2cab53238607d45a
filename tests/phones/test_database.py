"""Calls while the database is away: taken, heard and remembered."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from tests.databases import Postgres
from tests.phones.server import Server, serving
from tests.phones.test_command import GOOD
from tests.phones.wire import wire
from voipbin_sip.store.tables import events

pytestmark = pytest.mark.phones


def ask(server: Server, path: str) -> Any:
    with urlopen(f"{server.api}/v1.0/{path}?accesskey={server.accesskey}", timeout=15) as answer:
        return json.load(answer)


async def wait_for_calls(server: Server, count: int, seconds: float = 45.0) -> list[dict[str, Any]]:
    """Wait until the API shows so many calls that have ended."""
    async with asyncio.timeout(seconds):
        while True:
            calls: list[dict[str, Any]] = (await asyncio.to_thread(ask, server, "calls"))["result"]
            if sum(call["status"] == "hangup" for call in calls) == count:
                return calls
            await asyncio.sleep(0.3)


async def told(url: str) -> list[tuple[str, str]]:
    """Return which events the database holds of each call, in order."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        query = (
            select(events.c.resource_id, events.c.type).where(events.c.kind == "call").order_by(events.c.id)
        )
        rows = (await connection.execute(query)).all()
    await engine.dispose()
    return [(row.resource_id, row.type) for row in rows]


@pytest.mark.parametrize("outage", ["stopped", "frozen"])
async def test_calls_go_on_and_are_remembered(tmp_path: Path, postgres: Postgres, outage: str) -> None:
    url = await asyncio.to_thread(postgres.database)
    with serving(tmp_path, {"long": GOOD}, numbers={"100": "long"}, database={"url": url}) as server:
        assert server.accesskey
        async with wire(server.address) as line:
            before = await line.new_call("100")
            assert await before.invite() == 200
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgres.stop if outage == "stopped" else postgres.freeze)
            try:
                for _ in range(3):
                    during = await line.new_call("100")
                    assert await during.invite() == 200
                    assert await during.bye() == 200
                assert await before.bye() == 200
            finally:
                await asyncio.to_thread(postgres.start if outage == "stopped" else postgres.thaw)
            after = await line.new_call("100")
            assert await after.invite() == 200
            assert await after.bye() == 200
        calls = await wait_for_calls(server, 5)
        await asyncio.sleep(1.0)  # the last ones are written
        found = await told(url)
        for call in calls:
            types = [type_ for id_, type_ in found if id_ == call["id"]]
            assert types[0] == "call_created"
            assert types[-1] == "call_hangup"
            assert (
                types.count("call_created")
                == types.count("call_progressing")
                == types.count("call_hangup")
                == 1
            )


async def test_it_stops_while_the_database_says_nothing(tmp_path: Path, postgres: Postgres) -> None:
    url = await asyncio.to_thread(postgres.database)
    keys: dict[str, Any] = {"database": {"url": url}, "drain_seconds": 1}
    with serving(tmp_path, {"long": GOOD}, numbers={"100": "long"}, **keys) as server:
        assert server.accesskey
        async with wire(server.address) as line:
            call = await line.new_call("100")
            assert await call.invite() == 200
            await asyncio.to_thread(postgres.freeze)
            try:
                asked = asyncio.create_task(asyncio.to_thread(ask, server, "events?page_size=5"))
                await asyncio.sleep(0.5)
                began = time.monotonic()
                server.process.terminate()
                assert await asyncio.to_thread(server.process.wait, 60) == 0
                print("stopped after", time.monotonic() - began)
                assert time.monotonic() - began < 25.0  # left to itself, the process would leave after 31
            finally:
                await asyncio.to_thread(postgres.thaw)
            await asyncio.gather(asked, return_exceptions=True)
        assert "leaving" in server.tail()
