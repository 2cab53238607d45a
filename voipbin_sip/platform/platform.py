"""The platform beside the phone server: resources, events, webhooks and the HTTP API, on one store."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from flows import FlowSet
from voipbin_sip.api.kinds import CONFIGURED
from voipbin_sip.directory import Directory
from voipbin_sip.events.delivery import signature
from voipbin_sip.events.hub import Hub
from voipbin_sip.events.record import Record
from voipbin_sip.events.webhooks import Pace, Webhooks
from voipbin_sip.loading import Loaded
from voipbin_sip.platform.afterwards import close_unfinished
from voipbin_sip.platform.customers import Customers
from voipbin_sip.platform.declared import Declaration
from voipbin_sip.platform.direct import declared_hashes
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.flow_book import FlowBook, ShownFlows, shown_flows
from voipbin_sip.platform.hooks import Hooks
from voipbin_sip.platform.live import Kept, Live, Means
from voipbin_sip.platform.made import Passwords
from voipbin_sip.platform.retention import Retention
from voipbin_sip.platform.secrets import Sealer, own_key
from voipbin_sip.platform.setup import Setup
from voipbin_sip.platform.shelf import Shelf
from voipbin_sip.recordings.sweep import Bounds, Sweep
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.catalogue import Catalogue, NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.accesskey import StoredAccesskey
from voipbin_sip.resources.kinds.agent import StoredAgent
from voipbin_sip.resources.kinds.customer import StoredCustomer
from voipbin_sip.resources.kinds.recording import RecordingResource, StoredFile
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import Store, StoreUnavailable
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.listening import open_socket

if TYPE_CHECKING:
    from voipbin_sip.api.server import ApiServer
    from voipbin_sip.api.services import Services
    from voipbin_sip.observe.observed import Observed
    from voipbin_sip.platform.explaining import Explaining
    from voipbin_sip.transport.certificate import Certificates

SEAL_KEY = "seal.key"
TOKEN_KEY = "tokens.key"
KEYS_SECONDS = 5.0
LOAD_AGAIN = 2.0


@dataclass(frozen=True, slots=True)
class Configured:
    """What a configuration declares, ready to be shown and used."""

    flows: FlowSet
    shown: ShownFlows
    directory: Directory
    told: Declaration


class Platform:
    """All of it. Raises SecretError where its keys cannot be had.

    The HTTP side is loaded by `answer`, in a thread and when calls are taken already: FastAPI takes as long as
    everything else together.
    """

    def __init__(
        self,
        store: Store,
        web: WebClient,
        data: Path,
        *,
        keep_days: float = 0,
        bounds: Bounds | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`data` is the folder of its keys and files, `pace` that of webhooks; 0 keeps everything for ever.

        `bounds`: how many recordings are kept.
        """
        self.store = store
        seal_key = own_key(data, SEAL_KEY)
        self.sealer = Sealer(seal_key)
        self.ledger = Ledger(store, Stamps())
        self.catalogue = Catalogue(self.ledger, CONFIGURED)
        self.history = History(self.ledger)
        passwords = Passwords(self.sealer)
        self.flows = FlowBook(self.catalogue)
        self.directory = DirectoryBook(self.catalogue, passwords)
        self.setup = Setup(self.catalogue, self.directory, passwords)
        self._declared_hash = declared_hashes(seal_key)
        self.customers = Customers(self.catalogue, self.sealer, web.guard)
        self.hooks = Hooks(self.customers)
        self.webhooks = Webhooks(
            store, web, targets=self.hooks.targets, secret=self.customers.secret, pace=pace
        )
        self.hub = Hub()
        self.ledger.outbox = self.webhooks.outbox
        self.ledger.listen(self.webhooks.told)
        self.ledger.listen(self.hub.told)
        self.shelf = Shelf(self.history, data)
        self._sweep = Sweep(self.shelf.recordings, bounds or Bounds(), self.shelf.outgrown)
        own_bounds = (RecordingResource.kind, StoredFile.kind)  # their files go with them
        lasting = [*(kind.kind for kind in CONFIGURED), *own_bounds]
        self.retention = Retention(store, keep_days, lasting)
        self._token_key = own_key(data, TOKEN_KEY)
        self._configured: Configured | None = None  # of now
        self._listening: socket.socket | None = None
        self._api: ApiServer | None = None
        self._loaded = False
        self._loading: asyncio.Task[None] | None = None
        self._reading_keys: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self.live: Live | None = None  # from `attach` on
        self.observed: Observed | None = None  # what the API shows of the server itself
        self.explaining: Explaining | None = None  # what would happen to calls

    def declaration(self, loaded: Loaded, directory: Directory) -> Configured:
        """Return what a configuration declares, ready to be shown; `directory` is what it makes by itself.

        Nothing of the platform changes: it may run in a thread, and takes its time with many flows and phones.
        """
        told = Declaration(
            loaded.directory,
            loaded.places.directory,
            loaded.flows,
            loaded.config.domain,
            self._declared_hash,
            loaded.memory,
        )
        _ = told.resources
        before = self._configured.shown if self._configured is not None else None
        shown = shown_flows(loaded.flows, before, loaded.memory.pause)
        return Configured(loaded.flows, shown, directory, told)

    def declare(self, declared: Configured) -> None:
        """Show and use what the configuration declares, in place of what it did."""
        self._configured = declared
        self.flows.declare(declared.flows, declared.shown)
        self.directory.declare(declared.directory, declared.told)

    async def load(self) -> None:
        """Read what was configured before, or, where the database is in trouble, as soon as it can be read."""
        if not await self._load():
            self._loading = asyncio.get_running_loop().create_task(self._load_later())
        self.webhooks.start()
        self.retention.start()
        self._sweep.start()

    def attach(self, means: Means) -> Live:
        """Keep the records of calls from now on, and let the API steer them."""
        kept = Kept(
            self.ledger, self.history, self.catalogue, self.hooks, self.flows, self.directory, self.shelf
        )
        live = self.live = Live(means, kept)
        live.conferences.start()
        began = self.ledger.stamps()
        self._closing = asyncio.get_running_loop().create_task(self._close_unfinished(began))
        return live

    async def _close_unfinished(self, began: datetime) -> None:
        """Close what the last run of the server has left open, as soon as the database can be read."""
        while True:
            with suppress(StoreUnavailable):
                await close_unfinished(self.store, self.history, began)
                if self.live is not None:
                    await self.live.recordings.recover(self.store, began)
                return
            await asyncio.sleep(LOAD_AGAIN)

    @property
    def loaded(self) -> bool:
        """Whether what was configured before is known."""
        return self._loaded

    async def prepare(self) -> None:
        """Load what serves HTTP."""
        await asyncio.to_thread(import_module, "voipbin_sip.api.serving")

    def open(self, host: str, port: int) -> tuple[str, int]:
        """Let clients of the API connect; they wait for `answer`. Returns the address. Raises OSError."""
        self._listening = open_socket(host, port)
        bound = self._listening.getsockname()
        return bound[0], bound[1]

    async def answer(self, *, certificates: Certificates | None = None, origins: Sequence[str] = ()) -> None:
        """Serve the API to those who connect.

        Args:
            certificates: without them, it is plain HTTP.
            origins: web pages that may use it from a browser.
        """
        assert self._listening is not None, "not open"
        await self.prepare()
        from voipbin_sip.api.serving import ApiServer, make_api

        # In a thread: it takes half a second, a slow machine some seconds, and calls are taken already.
        self._api = await asyncio.to_thread(
            lambda: ApiServer(make_api(self.services, origins=origins), certificates=certificates)
        )
        await self._api.start(self._listening)
        self._reading_keys = asyncio.get_running_loop().create_task(self._read_keys())

    def has_credentials(self) -> bool:
        """Whether anybody could use the API."""
        now = self.ledger.stamps()
        keys = self.catalogue.all(StoredAccesskey)
        usable = any(key.tm_expire is None or key.tm_expire > now for key in keys)
        return usable or any(agent.password_hash for agent in self.catalogue.all(StoredAgent))

    def signed(self, body: bytes) -> list[tuple[str, str]]:
        """Return the headers that prove that what a flow sends is ours."""
        return signature(body, self.customers.secret(DEFAULT_CUSTOMER))

    async def close_api(self) -> None:
        """Take no more requests, and end what they have begun."""
        if self.live is not None:
            await self.live.placing.close()  # its runs play sound, which is closed before the rest of this
        if self._api is not None:
            await self._api.close()
        elif self._listening is not None:
            self._listening.close()

    async def close(self) -> None:
        """Stop delivering, write what waits, and close the store."""
        if self.live is not None:
            await self.live.close()
        for task in (self._loading, self._reading_keys, self._closing):
            if task is not None:
                task.cancel()
        await self.retention.close()
        await self._sweep.close()
        await self.webhooks.close()
        await self.store.close()

    @cached_property
    def services(self) -> Services:
        """What the routes work with; `prepare` comes first."""
        from voipbin_sip.api.serving import Links, Services, Tokens

        return Services(
            self.catalogue,
            self.history,
            Tokens(self._token_key),
            self.hub,
            Record(self.store),
            self.store,
            self.webhooks,
            self.customers,
            self.directory,
            self.flows,
            self.setup,
            self.shelf,
            Links(self._token_key),
            self.live,
            self.observed,
            self.explaining,
        )

    async def _load(self) -> bool:
        try:
            await self.catalogue.load()
            self._loaded = True
            await self._have_customer()
        except StoreUnavailable:
            pass
        return self._loaded

    async def _load_later(self) -> None:
        while True:
            await asyncio.sleep(LOAD_AGAIN)
            if await self._load():
                return

    async def _read_keys(self) -> None:
        """Notice keys that the command line has made or deleted."""
        while True:
            await asyncio.sleep(KEYS_SECONDS)
            if self._loaded:
                with suppress(StoreUnavailable):
                    await self.catalogue.load(StoredAccesskey)

    async def _have_customer(self) -> None:
        try:
            self.catalogue.get(StoredCustomer, DEFAULT_CUSTOMER)
        except NotFound:
            await self.catalogue.create(StoredCustomer(id=DEFAULT_CUSTOMER, name="default"))
