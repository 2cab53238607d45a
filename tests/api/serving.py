"""A real API on a real socket with a real database, without phones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.resources.things import FAST
from voipbin_sip.api.services import Services
from voipbin_sip.api.tokens import hash_password
from voipbin_sip.events.webhooks import Pace
from voipbin_sip.platform.platform import Platform
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.kinds.accesskey import make_accesskey
from voipbin_sip.resources.kinds.agent import Permission, StoredAgent
from voipbin_sip.resources.kinds.customer import StoredCustomer
from voipbin_sip.store.store import Store
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard


@dataclass
class Api:
    """A client with an access key."""

    base: str
    token: str
    services: Services
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Send a request; returns status and JSON."""
        options.setdefault("params", {"accesskey": self.token})
        url = self.base + (path if path.startswith(("/auth", "/ping")) else "/v1.0" + path)
        async with self.http.request(method, url, json=body, **options) as answer:
            text = await answer.text()
            return answer.status, await answer.json(content_type=None) if text else None


@asynccontextmanager
async def serving_api(database: str, folder: Path, observed: Any = None) -> AsyncIterator[Api]:
    store = Store(database, FAST)
    assert await store.open()
    web = WebClient(HostGuard(["127.0.0.1"]))
    pace = Pace(first_retry=0.02, longest_retry=0.05, give_up=0.2)
    platform = Platform(store, web, folder, pace=pace)
    await platform.load()
    key, token = make_accesskey("tests")
    await platform.catalogue.create(key)
    await platform.catalogue.update(StoredCustomer, DEFAULT_CUSTOMER, name="Office")
    platform.observed = observed
    host, port = platform.open("127.0.0.1", 0)
    await platform.answer()
    async with aiohttp.ClientSession() as http:
        yield Api(f"http://{host}:{port}", token, platform.services, http)
    await platform.close_api()
    await platform.close()
    await web.close()


async def add_agent(api: Api, username: str, permission: Permission) -> StoredAgent:
    """Make an agent with the password `open sesame`."""
    kept = await hash_password("open sesame")
    return await api.services.catalogue.create(
        StoredAgent(username=username, permission=int(permission), password_hash=kept)
    )
