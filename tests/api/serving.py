"""A real API on a real socket with a real database, without phones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.resources.things import FAST
from voipbin_sip.api.app import make_api
from voipbin_sip.api.kinds import CONFIGURED
from voipbin_sip.api.server import ApiServer
from voipbin_sip.api.services import Services
from voipbin_sip.api.tokens import Tokens, hash_password
from voipbin_sip.events.hub import Hub
from voipbin_sip.events.record import Record
from voipbin_sip.events.webhooks import Pace, Webhooks
from voipbin_sip.platform.hooks import Hooks
from voipbin_sip.platform.secrets import Sealer
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.accesskey import StoredAccesskey, new_token, shown_prefix, token_hash
from voipbin_sip.resources.kinds.agent import Permission, StoredAgent
from voipbin_sip.resources.kinds.customer import StoredCustomer
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
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
async def serving_api(path: Path) -> AsyncIterator[Api]:
    store = Store(f"sqlite+aiosqlite:///{path / 'api.db'}", FAST)
    assert await store.open()
    ledger = Ledger(store, Stamps())
    catalogue = Catalogue(ledger, CONFIGURED)
    await catalogue.load()
    hub = Hub()
    ledger.listen(hub.told)
    sealer = Sealer(bytes(32))
    hooks = Hooks(catalogue, sealer)
    web = WebClient(HostGuard(["127.0.0.1"]))
    pace = Pace(first_retry=0.02, longest_retry=0.05, give_up=0.2)
    webhooks = Webhooks(store, web, targets=hooks.targets, secret=hooks.secret, pace=pace)
    ledger.outbox = webhooks.outbox
    ledger.listen(webhooks.told)
    webhooks.start()
    services = Services(
        catalogue, History(ledger), Tokens(b"secret" * 8), hub, Record(store), store, webhooks, sealer
    )
    token = new_token()
    await catalogue.create(StoredCustomer(id=DEFAULT_CUSTOMER, name="Office"))
    await catalogue.create(StoredAccesskey(token_prefix=shown_prefix(token), token_hash=token_hash(token)))
    server = ApiServer(make_api(services))
    host, port = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as http:
        yield Api(f"http://{host}:{port}", token, services, http)
    await server.close()
    await webhooks.close()
    await web.close()
    await store.close()


async def add_agent(api: Api, username: str, permission: Permission) -> StoredAgent:
    """Make an agent with the password `open sesame`."""
    kept = await hash_password("open sesame")
    return await api.services.catalogue.create(
        StoredAgent(username=username, permission=int(permission), password_hash=kept)
    )
