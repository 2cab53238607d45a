"""The platform beside the phone server: resources, events, webhooks and the HTTP API, on one store."""

from __future__ import annotations

from pathlib import Path

from voipbin_sip.api.app import make_api
from voipbin_sip.api.kinds import CONFIGURED
from voipbin_sip.api.server import ApiServer
from voipbin_sip.api.services import Services
from voipbin_sip.api.tokens import Tokens
from voipbin_sip.events.hub import Hub
from voipbin_sip.events.record import Record
from voipbin_sip.events.webhooks import Webhooks
from voipbin_sip.platform.hooks import Hooks
from voipbin_sip.platform.secrets import Sealer, own_key
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.catalogue import Catalogue, NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.customer import StoredCustomer
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import Store, StoreUnavailable
from voipbin_sip.web.client import WebClient

SEAL_KEY = "seal.key"
TOKEN_KEY = "tokens.key"


class Platform:
    """All of it. Raises SecretError where its keys cannot be had."""

    def __init__(
        self,
        store: Store,
        web: WebClient,
        data: Path,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """`data` is the folder of its keys; with `certificate` and `key` the API speaks TLS."""
        self.sealer = Sealer(own_key(data, SEAL_KEY))
        self.ledger = Ledger(store, Stamps())
        self.catalogue = Catalogue(self.ledger, CONFIGURED)
        self.history = History(self.ledger)
        self.hooks = Hooks(self.catalogue, self.sealer)
        self.webhooks = Webhooks(store, web, targets=self.hooks.targets, secret=self.hooks.secret)
        hub = Hub()
        self.ledger.outbox = self.webhooks.outbox
        self.ledger.listen(self.webhooks.told)
        self.ledger.listen(hub.told)
        self.services = Services(
            self.catalogue,
            self.history,
            Tokens(own_key(data, TOKEN_KEY)),
            hub,
            Record(store),
            store,
            self.webhooks,
            self.sealer,
        )
        self._server = ApiServer(make_api(self.services), certificate=certificate, key=key)

    async def load(self) -> None:
        """Read what was configured before; call it when the store is open."""
        await self.catalogue.load()
        await self._have_customer()
        self.webhooks.start()

    async def serve(self, host: str, port: int) -> tuple[str, int]:
        """Open the API; returns the address that was bound. Raises OSError."""
        return await self._server.start(host, port)

    async def close_api(self) -> None:
        """Take no more requests."""
        await self._server.close()

    async def close(self) -> None:
        """Stop delivering; call it before the store is closed."""
        await self.webhooks.close()

    async def _have_customer(self) -> None:
        try:
            self.catalogue.get(StoredCustomer, DEFAULT_CUSTOMER)
        except NotFound:
            try:
                await self.catalogue.create(StoredCustomer(id=DEFAULT_CUSTOMER, name="default"))
            except StoreUnavailable:
                return  # it is made at the next start
