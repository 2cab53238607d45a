"""Downloads for flows: real HTTP servers on loopback, and no way into private networks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from voipbin_sip.sounds import fetch
from voipbin_sip.sounds.fetch import Fetcher, FetchError, is_public


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


async def test_loads_a_sound_from_an_allowed_host(site: str) -> None:
    assert await Fetcher(["127.0.0.1"]).get(f"{site}/sound.wav") == b"RIFFsound"


async def test_follows_a_redirect(site: str) -> None:
    assert await Fetcher(["127.0.0.1"]).get(f"{site}/moved") == b"RIFFsound"


async def test_private_hosts_are_refused_by_default(site: str) -> None:
    with pytest.raises(FetchError, match="private range"):
        await Fetcher().get(f"{site}/sound.wav")


async def test_a_redirect_into_the_private_network_is_refused(site: str) -> None:
    with pytest.raises(FetchError, match="private range"):
        await Fetcher(["127.0.0.1"]).get(f"{site}/inside")


async def test_redirects_end(site: str) -> None:
    with pytest.raises(FetchError, match="redirects"):
        await Fetcher(["127.0.0.1"]).get(f"{site}/loop")


async def test_size_is_bounded(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 1_000_000)
    with pytest.raises(FetchError, match="larger"):
        await Fetcher(["127.0.0.1"]).get(f"{site}/large")


async def test_time_is_bounded(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_SECONDS", 0.3)
    with pytest.raises(FetchError, match="no complete answer"):
        await Fetcher(["127.0.0.1"]).get(f"{site}/slow")


async def test_not_found(site: str) -> None:
    with pytest.raises(FetchError, match="404"):
        await Fetcher(["127.0.0.1"]).get(f"{site}/nothing")


@pytest.mark.parametrize(
    "url", ["ftp://a.test/x", "file:///etc/passwd", "http://", "http://[::1", "nonsense"]
)
async def test_only_web_addresses_are_loaded(url: str) -> None:
    with pytest.raises(FetchError):
        await Fetcher().get(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)
