"""What the routes work with: the one place where the API meets the rest of the server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from voipbin_sip.api.tokens import Tokens
from voipbin_sip.events.hub import Hub
from voipbin_sip.events.record import Record
from voipbin_sip.events.webhooks import Webhooks
from voipbin_sip.platform.secrets import Sealer
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.history import History
from voipbin_sip.store.store import Store


class Seldom:
    """Lets something be done once in a while, however often it is wanted."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time again; if so, it counts as done."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


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
    sealer: Sealer
    new_keys: Seldom = field(default_factory=Seldom)
