"""Which webhooks an event is for: the customer's, and that of the run it happens in."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from voipbin_sip.events.delivery import Target
from voipbin_sip.events.event import Event
from voipbin_sip.platform.secrets import Sealer, SecretError
from voipbin_sip.resources.base import DEFAULT_CUSTOMER
from voipbin_sip.resources.catalogue import Catalogue, NotFound
from voipbin_sip.resources.kinds.customer import StoredCustomer

MAX_RUNS = 100_000


class Hooks:
    """The webhooks of now. Runs tell of theirs when they begin."""

    def __init__(self, catalogue: Catalogue, sealer: Sealer) -> None:
        self._catalogue = catalogue
        self._sealer = sealer
        self._runs: dict[UUID, Target] = {}
        self._log = structlog.get_logger("webhooks")

    def add_run(self, activeflow_id: UUID, method: str, uri: str) -> None:
        """Send the events of a run to its own webhook too."""
        if uri:
            self._runs[activeflow_id] = Target(activeflow_id, method or "POST", uri)
        if len(self._runs) > MAX_RUNS:
            del self._runs[next(iter(self._runs))]

    def remove_run(self, activeflow_id: UUID) -> None:
        """Forget a run: all its events are told."""
        self._runs.pop(activeflow_id, None)

    def targets(self, event: Event) -> Sequence[Target]:
        """Return where an event goes."""
        customer = self._customer(event.customer_id)
        found = []
        if customer is not None and customer.webhook_uri:
            found.append(Target(customer.id, customer.webhook_method or "POST", customer.webhook_uri))
        if (run := self._runs.get(event.activeflow_id)) is not None:
            found.append(run)
        return found

    def secret(self, target_id: UUID) -> bytes | None:
        """Return what bodies are signed with: the customer's secret, also for webhooks of runs."""
        customer = self._customer(target_id) or self._customer(DEFAULT_CUSTOMER)
        if customer is None or not customer.webhook_secret:
            return None
        try:
            return self._sealer.open(customer.webhook_secret, "webhooks").encode()
        except SecretError as error:
            self._log.error("webhooks are not signed", why=str(error))
            return None

    def _customer(self, id_: UUID) -> StoredCustomer | None:
        try:
            return self._catalogue.get(StoredCustomer, id_)
        except NotFound:
            return None
