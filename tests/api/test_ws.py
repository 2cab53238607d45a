"""Events by websocket, with a real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.api.serving import Api, add_agent
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.kinds.agent import Permission, StoredAgent
from voipbin_sip.resources.kinds.tag import Tag

MINE = f"customer_id:{DEFAULT_CUSTOMER}"


@asynccontextmanager
async def socket(api: Api, **options: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    options.setdefault("params", {"accesskey": api.token})
    async with api.http.ws_connect(f"{api.base}/v1.0/ws", **options) as opened:
        yield opened


async def subscribe(ws: aiohttp.ClientWebSocketResponse, *topics: str, **more: Any) -> None:
    await ws.send_json({"type": "subscribe", "topics": topics, **more})
    await asyncio.sleep(0.05)  # there is no acknowledgement


async def make(api: Api, name: str) -> Tag:
    return await api.services.catalogue.create(Tag(name=name), "tag_created")


async def names(ws: aiohttp.ClientWebSocketResponse, count: int) -> list[str]:
    return [(await ws.receive_json(timeout=5))["name"] for _ in range(count)]


@pytest.mark.parametrize("by_cookie", [False, True])
async def test_a_subscriber_gets_the_bare_resource(api: Api, by_cookie: bool) -> None:
    options = {"params": {}, "headers": {"Cookie": f"accesskey={api.token}"}} if by_cookie else {}
    async with socket(api, **options) as ws:
        await subscribe(ws, f"{MINE}:tag")
        tag = await make(api, "a")
        assert await ws.receive_json(timeout=5) == tag.public()


async def test_nobody_listens_without_a_key(api: Api) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with socket(api, params={"accesskey": "vb_wrong"}):
            pass
    assert refused.value.status == 401


async def test_topics_of_two_three_and_four_parts(api: Api) -> None:
    first = await make(api, "first")
    async with socket(api) as everything, socket(api) as tags, socket(api) as one, socket(api) as others:
        await subscribe(everything, MINE)
        await subscribe(tags, f"{MINE}:tag", MINE + ":agent")
        await subscribe(one, f"{MINE}:tag:{first.id}")
        await subscribe(others, f"{MINE}:agent", f"{MINE}:ta")
        await make(api, "second")
        await api.services.catalogue.update(Tag, first.id, "tag_updated", name="changed")
        await add_agent(api, "end", Permission.AGENT)
        await api.services.catalogue.update(
            StoredAgent, api.services.catalogue.all(StoredAgent)[0].id, "agent_updated", name="end"
        )
        assert await names(everything, 3) == ["second", "changed", "end"]
        assert await names(tags, 3) == ["second", "changed", "end"]
        assert await names(one, 1) == ["changed"]
        assert await names(others, 1) == ["end"]


async def test_unsubscribing(api: Api) -> None:
    async with socket(api) as ws:
        await subscribe(ws, f"{MINE}:tag")
        await make(api, "a")
        assert await names(ws, 1) == ["a"]
        await ws.send_json({"type": "unsubscribe", "topics": [f"{MINE}:tag"]})
        await asyncio.sleep(0.05)
        await make(api, "b")
        await subscribe(ws, f"{MINE}:tag")
        await make(api, "c")
        assert await names(ws, 1) == ["c"]


@pytest.mark.parametrize(
    "topic",
    [
        "customer_id:47082bed-6d33-48cd-aa93-c9e151dbd66d:tag",
        "everything",
        MINE.replace("customer", "agent"),
        f"{MINE}:",
        "customer_id",
    ],
)
async def test_a_foreign_or_odd_topic_closes_the_socket(api: Api, topic: str) -> None:
    async with socket(api) as ws:
        await subscribe(ws, f"{MINE}:tag", topic)
        message = await ws.receive(timeout=5)
        assert (message.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_malformed_messages_are_passed_over(api: Api) -> None:
    async with socket(api) as ws:
        for text in (
            "{",
            "[]",
            "5",
            '{"type": 1}',
            '{"type": "subscribe", "topics": 5}',
            '{"type": "dance"}',
        ):
            await ws.send_str(text)
        await ws.send_bytes(b"\x00")
        await subscribe(ws, f"{MINE}:tag")
        await make(api, "a")
        assert await names(ws, 1) == ["a"]


async def test_agents_hear_of_themselves_only(api: Api) -> None:
    agent = await add_agent(api, "a@example.com", Permission.AGENT)
    token = {"token": api.services.tokens.make(agent.id)}
    async with socket(api, params=token) as ws:
        await subscribe(ws, f"agent_id:{agent.id}")
        await make(api, "not mine")
        await api.services.catalogue.update(StoredAgent, agent.id, "agent_updated", name="me")
        told = await ws.receive_json(timeout=5)
        assert told["name"] == "me"
        assert "password_hash" not in told
    async with socket(api, params=token) as ws:
        await subscribe(ws, MINE)
        assert (await ws.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_a_client_that_was_away_misses_nothing_and_gets_nothing_twice(api: Api) -> None:
    async with socket(api) as ws:
        await subscribe(ws, f"{MINE}:tag", envelope=True)
        await make(api, "0")
        last = await ws.receive_json(timeout=5)
        assert last["type"] == "tag_created"
    for number in range(1, 40):
        await make(api, str(number))

    async def more() -> None:
        for number in range(40, 80):
            await make(api, str(number))

    async with socket(api) as ws:
        making = asyncio.ensure_future(more())
        await subscribe(ws, f"{MINE}:tag", after=last["id"], envelope=True)
        told = [(await ws.receive_json(timeout=5))["data"]["name"] for _ in range(79)]
        await making
        assert told == [str(number) for number in range(1, 80)]


async def test_a_client_that_does_not_read_holds_nobody_up(api: Api) -> None:
    async with socket(api) as lazy, socket(api) as eager:
        await subscribe(lazy, f"{MINE}:tag")
        await subscribe(eager, f"{MINE}:tag")
        for number in range(50):
            await make(api, f"{number}")
        assert len(await names(eager, 50)) == 50
