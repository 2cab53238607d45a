"""Which webhooks an event is for: the customer's, and that of the run it happens in."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from voipbin_sip.events.delivery import Target
from voipbin_sip.events.event import Event
from voipbin_sip.platform.customers import Customers

MAX_RUNS = 100_000


class Hooks:
    """The webhooks of now. Runs tell of theirs when they begin."""

    def __init__(self, customers: Customers) -> None:
        self._customers = customers
        self._runs: dict[UUID, Target] = {}

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
        customer, run = self._customers.webhook(event.customer_id), self._runs.get(event.activeflow_id)
        return [target for target in (customer, run) if target is not None]
