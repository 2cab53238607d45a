"""What is said where the server is of another version, or none of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from voipbin_sip.terminal.fetch import Api, ApiFault
from voipbin_sip.terminal.finding import fetch_story, find_call
from voipbin_sip.terminal.live import Live, look_once
from voipbin_sip.terminal.refused import fetch_refused

ID = "11111111-1111-4111-8111-111111111111"


@asynccontextmanager
async def answering(told: Any, status: int = 200) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/ws"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_json({"something": "else"})
            await asyncio.sleep(5.0)
            return socket
        return web.json_response(told, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("told", [{}, [], {"result": 7}, {"result": [{"id": "x"}]}, "words"])
async def test_answers_of_another_kind_are_said_in_words(told: Any) -> None:
    async with answering(told) as base:
        for ask in (lambda api: find_call(api, "last"), lambda api: fetch_story(api, ID), _refused):
            async with Api(base, "vb_x") as api:
                with pytest.raises(ApiFault, match="use the command of the server's own version"):
                    await ask(api)
        with pytest.raises(ApiFault, match="not what this version understands"):
            await look_once(lambda: Api(base, "vb_x"))


async def _refused(api: Api) -> object:
    return await fetch_refused(api, ID)


async def test_the_live_table_outlives_such_a_server() -> None:
    said = asyncio.Event()
    async with answering({"id": ID, "result": [], "server": None}) as base:
        live = Live(lambda: Api(base, "vb_x"), said.set)
        following = asyncio.create_task(live.run())
        async with asyncio.timeout(10.0):
            while "version understands" not in live.server.trouble:
                said.clear()
                await said.wait()
        assert not following.done()
        following.cancel()
