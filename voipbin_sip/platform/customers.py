"""The customer as it is shown and changed, and where its events go: as the configuration says, else as the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from voipbin_sip.events.delivery import Target
from voipbin_sip.platform.entries import Unfit
from voipbin_sip.platform.secrets import Sealer, SecretError
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.catalogue import Catalogue, Declared, NotFound
from voipbin_sip.resources.kinds.customer import StoredCustomer, WebhookMethod
from voipbin_sip.web.guard import HostGuard, WebError


@dataclass(frozen=True, slots=True)
class DeclaredWebhook:
    """Where events go by the configuration, and what they are signed with; no secret: they are not signed."""

    uri: str
    method: WebhookMethod = "POST"
    secret: str = ""

    def shown(self) -> dict[str, str]:
        """Return the fields of the customer that tell of it."""
        return {"webhook_uri": self.uri, "webhook_method": self.method}


class Customers:
    """The customers. A declared webhook is the default customer's."""

    def __init__(self, catalogue: Catalogue, sealer: Sealer, guard: HostGuard) -> None:
        self._catalogue = catalogue
        self._guard = guard
        self._sealer = sealer
        self._declared: DeclaredWebhook | None = None
        self._webhooks: dict[UUID, Target | None] = {}  # those that were asked for
        catalogue.watch(StoredCustomer, self._webhooks.clear)
        self._log = structlog.get_logger("webhooks")

    def declare(self, webhook: DeclaredWebhook | None) -> None:
        """Take the webhook of the configuration."""
        self._declared = webhook
        self._webhooks.clear()

    def get(self, id_: UUID) -> StoredCustomer:
        """Return a customer. Raises NotFound."""
        return self._shown(self._catalogue.get(StoredCustomer, id_))

    async def update(self, id_: UUID, **fields: Any) -> StoredCustomer:
        """Change fields of a customer; `webhook_secret` comes in clear.

        Clients send all fields of a customer whatever they mean to change: a declared webhook may be repeated.

        Raises:
            Unfit: events would not be sent to that `webhook_uri`.
            NotFound, Declared, StoreUnavailable: as the catalogue does.
        """
        if (declared := self._of(id_)) is not None:
            fields = _without(declared, fields)
        if fields.get("webhook_uri") != self._catalogue.get(StoredCustomer, id_).webhook_uri:
            await self.check_webhook(fields.get("webhook_uri", ""))
        if secret := fields.get("webhook_secret"):
            fields["webhook_secret"] = self._sealer.seal(secret, "webhooks")
        return self._shown(await self._catalogue.update(StoredCustomer, id_, "customer_updated", **fields))

    async def check_webhook(self, uri: str) -> None:
        """Refuse a URL that nothing would be sent to; "" is none. Raises Unfit."""
        try:
            if uri:
                await self._guard.check_now(uri)
        except WebError as error:
            raise Unfit([("webhook_uri", str(error))]) from error

    def webhook(self, id_: UUID) -> Target | None:
        """Return where a customer's events go; None: nowhere."""
        if id_ not in self._webhooks:  # all events ask
            self._webhooks[id_] = self._webhook(id_)
        return self._webhooks[id_]

    def _webhook(self, id_: UUID) -> Target | None:
        if (declared := self._of(id_)) is not None:
            return Target(id_, declared.method, declared.uri)
        customer = self._known(id_)
        if customer is None or not customer.webhook_uri:
            return None
        return Target(id_, customer.webhook_method or "POST", customer.webhook_uri)

    def secret(self, target_id: UUID) -> bytes | None:
        """Return what bodies are signed with: the customer's secret, also for webhooks of runs."""
        customer = self._known(target_id)
        owner = customer.id if customer is not None else DEFAULT_CUSTOMER
        if (declared := self._of(owner)) is not None:
            return declared.secret.encode() or None
        customer = customer or self._known(owner)
        if customer is None or not customer.webhook_secret:
            return None
        try:
            return self._sealer.open(customer.webhook_secret, "webhooks").encode()
        except SecretError as error:
            self._log.error("webhooks are not signed", why=str(error))
            return None

    def _of(self, id_: UUID) -> DeclaredWebhook | None:
        return self._declared if id_ == DEFAULT_CUSTOMER else None

    def _shown(self, customer: StoredCustomer) -> StoredCustomer:
        declared = self._of(customer.id)
        return customer if declared is None else customer.changed(**declared.shown())

    def _known(self, id_: UUID) -> StoredCustomer | None:
        try:
            return self._catalogue.get(StoredCustomer, id_)
        except NotFound:
            return None


def _without(declared: DeclaredWebhook, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields without those of a declared webhook. Raises Declared where they would change it."""
    shown = {**declared.shown(), "webhook_secret": ""}
    if any(fields[name] != value for name, value in shown.items() if name in fields):
        raise Declared("the webhook is declared in the server's configuration (key webhook); change it there")
    return {name: value for name, value in fields.items() if name not in shown}
