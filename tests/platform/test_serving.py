"""The platform as the server opens it: on a socket, with TLS and for web pages if configured so."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.authority import Authority
from tests.resources.things import FAST
from tests.store.waiting import until
from voipbin_sip.platform import platform as platform_module
from voipbin_sip.platform.platform import Platform
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.kinds.accesskey import make_accesskey
from voipbin_sip.resources.kinds.customer import StoredCustomer
from voipbin_sip.store.store import Store
from voipbin_sip.transport.certificate import Certificates
from voipbin_sip.transport.tls_terms import TlsTerms
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard


async def open_platform(folder: Path) -> Platform:
    store = Store(f"sqlite+aiosqlite:///{folder / 'test.db'}", FAST)
    await store.open()
    platform = Platform(store, WebClient(HostGuard(())), folder)
    await platform.load()
    return platform


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    platform = await open_platform(tmp_path)
    yield platform
    await platform.close_api()
    await platform.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def ask(url: str, **options: Any) -> tuple[int, Any, Any]:
    method = options.pop("method", "GET")
    async with aiohttp.ClientSession() as http, http.request(method, url, **options) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text.startswith("{") else text, answer.headers


async def test_the_customer_is_there_from_the_first_start_on(platform: Platform, tmp_path: Path) -> None:
    key, token = make_accesskey("a")
    assert not platform.has_credentials()
    await platform.catalogue.create(key)
    assert platform.has_credentials()
    host, port = platform.open("127.0.0.1", 0)
    await platform.answer()
    status, customer, _ = await ask(f"http://{host}:{port}/v1.0/customer?accesskey={token}")
    assert (status, customer["id"], customer["name"]) == (200, str(DEFAULT_CUSTOMER), "default")
    assert {"seal.key", "tokens.key"} <= names(tmp_path)


async def test_a_key_that_has_expired_opens_nothing(platform: Platform) -> None:
    key, _ = make_accesskey("a", expire=0)
    await platform.catalogue.create(key)
    assert not platform.has_credentials()


async def test_tls_and_a_new_certificate_without_a_restart(platform: Platform, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.pair("ours", names=["127.0.0.1"])
    certificates = Certificates(TlsTerms(pair.certificate, pair.key))
    host, port = platform.open("127.0.0.1", 0)
    await platform.answer(certificates=certificates)

    async def serial() -> object:
        _, writer = await asyncio.open_connection(host, port, ssl=trust)
        found = writer.get_extra_info("peercert")["serialNumber"]
        writer.close()
        return found

    trust = ssl.create_default_context(cafile=str(authority.file))
    assert (await ask(f"https://{host}:{port}/ping", ssl=trust))[0] == 200
    before = await serial()
    authority.pair("ours", names=["127.0.0.1"])
    assert certificates.reload()
    assert await serial() != before
    with pytest.raises(aiohttp.ClientError):
        await ask(f"http://{host}:{port}/ping")


async def test_web_pages_are_let_in_by_name_only(platform: Platform) -> None:
    host, port = platform.open("127.0.0.1", 0)
    await platform.answer(origins=["https://office.example.com"])
    url = f"http://{host}:{port}/v1.0/customer"
    for origin, allowed in (("https://office.example.com", True), ("https://evil.example.com", False)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        status, _, headers = await ask(url, method="OPTIONS", headers=asked)
        assert (status == 200) is allowed
        assert (headers.get("Access-Control-Allow-Origin") == origin) is allowed


async def test_without_origins_no_page_is_let_in(platform: Platform) -> None:
    host, port = platform.open("127.0.0.1", 0)
    await platform.answer()
    _, _, headers = await ask(f"http://{host}:{port}/ping", headers={"Origin": "https://office.example.com"})
    assert not [name for name in headers if name.lower().startswith("access-control-")]


async def test_a_database_that_comes_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is there a client is told to wait, not that its key is wrong."""
    monkeypatch.setattr(platform_module, "LOAD_AGAIN", 0.01)
    late = tmp_path / "late"
    store = Store(f"sqlite+aiosqlite:///{late / 'test.db'}", FAST)
    assert not await store.open()
    platform = Platform(store, WebClient(HostGuard(())), tmp_path)
    await platform.load()
    assert not platform.loaded
    host, port = platform.open("127.0.0.1", 0)
    await platform.answer()
    url = f"http://{host}:{port}/v1.0/customer?accesskey=vb_some"
    status, error, headers = await ask(url)
    assert (status, error["error"]["reason"]) == (503, "SERVICE_UNAVAILABLE")
    assert headers["Retry-After"]
    late.mkdir()
    await until(lambda: platform.loaded)
    assert (await ask(url))[0] == 401
    assert platform.catalogue.get(StoredCustomer, DEFAULT_CUSTOMER).name == "default"
    await platform.close_api()
    await platform.close()
