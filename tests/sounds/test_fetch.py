"""Downloads for flows: real HTTP servers on loopback, and no way into private networks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from voipbin_sip.sounds import fetch
from voipbin_sip.sounds.errors import FetchError
from voipbin_sip.sounds.fetch import Fetcher
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def sound(request: web.Request) -> web.Response:
        return web.Response(body=b"RIFFsound")

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/sound.wav")

    async def inside(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.2:1/secret")

    async def loop(request: web.Request) -> web.Response:
        raise web.HTTPFound("/loop")

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def large(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(64):
            await answer.write(bytes(65_536))
        return answer

    app = web.Application()
    app.add_routes([web.get(f"/{name.__name__}", name) for name in (moved, inside, loop, slow, large)])
    app.add_routes([web.get("/sound.wav", sound)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", 0)
    await server.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def get(url: str, *allowed: str) -> bytes:
    client = WebClient(HostGuard(allowed))
    try:
        return await Fetcher(client).get(url)
    finally:
        await client.close()


async def test_loads_a_sound_from_an_allowed_host(site: str) -> None:
    assert await get(f"{site}/sound.wav", "127.0.0.1") == b"RIFFsound"


async def test_follows_a_redirect(site: str) -> None:
    assert await get(f"{site}/moved", "127.0.0.1") == b"RIFFsound"


async def test_private_hosts_are_refused_by_default(site: str) -> None:
    with pytest.raises(FetchError, match="private range"):
        await get(f"{site}/sound.wav")


async def test_a_redirect_into_the_private_network_is_refused(site: str) -> None:
    with pytest.raises(FetchError, match="private range"):
        await get(f"{site}/inside", "127.0.0.1")


async def test_redirects_end(site: str) -> None:
    with pytest.raises(FetchError, match="redirects"):
        await get(f"{site}/loop", "127.0.0.1")


async def test_size_is_bounded(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 1_000_000)
    with pytest.raises(FetchError, match="larger"):
        await get(f"{site}/large", "127.0.0.1")


async def test_time_is_bounded(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_SECONDS", 0.3)
    with pytest.raises(FetchError, match="no complete answer"):
        await get(f"{site}/slow", "127.0.0.1")


async def test_not_found(site: str) -> None:
    with pytest.raises(FetchError, match="404"):
        await get(f"{site}/nothing", "127.0.0.1")


@pytest.mark.parametrize(
    "url", ["ftp://a.test/x", "file:///etc/passwd", "http://", "http://[::1", "nonsense"]
)
async def test_only_web_addresses_are_loaded(url: str) -> None:
    with pytest.raises(FetchError):
        await get(url)
