"""What the routes work with: the one place where the API meets the rest of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from voipbin_sip.api.links import Links
from voipbin_sip.api.tokens import Tokens
from voipbin_sip.events.hub import Hub
from voipbin_sip.events.record import Record
from voipbin_sip.events.webhooks import Webhooks
from voipbin_sip.observe.observed import Observed
from voipbin_sip.platform.customers import Customers
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.explaining import Explaining
from voipbin_sip.platform.flow_book import FlowBook
from voipbin_sip.platform.live import Live
from voipbin_sip.platform.setup import Setup
from voipbin_sip.platform.shelf import Shelf
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.history import History
from voipbin_sip.store.store import Store


class Seldom:
    """Lets something be done once in a while, however many want it; they share what is done."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._last = -seconds
        self._next: asyncio.Task[None] | None = None

    async def __call__(self, work: Callable[[], Awaitable[None]]) -> None:
        """Return after the work was done once more, begun after this call. Raises what it raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._do(work))
        await asyncio.shield(self._next)

    async def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(max(0.0, self._last + self._seconds - time.monotonic()))
        self._next = None
        self._last = time.monotonic()
        await work()


@dataclass(frozen=True, slots=True)
class Services:
    """Made by the app, given to the API."""

    catalogue: Catalogue
    history: History
    tokens: Tokens
    hub: Hub
    record: Record
    store: Store
    webhooks: Webhooks
    customers: Customers
    directory: DirectoryBook
    flows: FlowBook
    setup: Setup
    shelf: Shelf
    links: Links
    live: Live | None = None  # where calls can be made
    observed: Observed | None = None  # where there is a server around
    explaining: Explaining | None = None  # too
    new_keys: Seldom = field(default_factory=Seldom)
