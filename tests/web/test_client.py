"""Requests to real servers on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard, WebError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def mirror(request: web.Request) -> web.Response:
        body = f"{request.method} {request.headers.get('X-A', '-')} {await request.text()}"
        return web.Response(text=body, status=201)

    async def bomb(request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b" + bytes(100), headers={"Content-Encoding": "gzip"})

    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=int(request.query["code"]), headers={"Location": "/mirror"})

    app = web.Application()
    for handler in (mirror, bomb, moved):
        app.router.add_route("*", f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", 0)
    await server.start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[WebClient]:
    client = WebClient(HostGuard(["127.0.0.1"]))
    yield client
    await client.close()


async def test_any_method_body_and_status(site: str, client: WebClient) -> None:
    answer = await client.request("PUT", f"http://{site}/mirror", body=b"hello", headers=[("X-A", "b")])
    assert (answer.status, answer.text) == (201, "PUT b hello")


@pytest.mark.parametrize(
    ("code", "seen"), [(302, "GET - "), (303, "GET - "), (307, "POST - x"), (308, "POST - x")]
)
async def test_redirects_keep_or_change_the_method(
    site: str, client: WebClient, code: int, seen: str
) -> None:
    answer = await client.request("POST", f"http://{site}/moved?code={code}", body=b"x")
    assert answer.text == seen


async def test_answers_are_never_unpacked(site: str, client: WebClient) -> None:
    answer = await client.request("GET", f"http://{site}/bomb")
    assert len(answer.body) == 102


async def test_a_second_look_up_cannot_lead_inside(site: str) -> None:
    """The host changes its address between the check and the connection: it is the check that connects."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    guard = HostGuard(lookup=rebinding)
    client = WebClient(guard)
    await guard.addresses("evil.test", 80)  # looks harmless
    with pytest.raises(WebError, match="private range"):
        await client.request("GET", f"http://evil.test:{site.split(':')[1]}/mirror")
    await client.close()


async def test_nobody_listens(client: WebClient) -> None:
    with pytest.raises(WebError, match="cannot be reached"):
        await client.request("GET", "http://127.0.0.1:1/")


async def test_a_receiver_that_says_nothing() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    client = WebClient(HostGuard(["127.0.0.1"]))
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(WebError, match="no complete answer within"):
        await client.request("GET", f"http://127.0.0.1:{port}/", seconds=0.2)
    await client.close()
    server.close()
