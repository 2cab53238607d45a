"""One thing that happened, as a value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from voipbin_sip.resources.base import NO_UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a resource.

    `id` rises from event to event: it is the event's time in microseconds since 1970, made unique.
    """

    id: int
    type: str  # "call_hangup"
    kind: str  # "call"; the resource in topics
    resource_id: UUID
    customer_id: UUID
    text: str  # the resource's public form as JSON: most events are written and told without being read again
    activeflow_id: UUID = NO_UUID
    owner_id: UUID = NO_UUID
    webhook: bool = True  # False: only for websockets and timelines

    @property
    def time(self) -> datetime:
        """Return when it happened."""
        return datetime.fromtimestamp(self.id // 1_000_000, UTC).replace(microsecond=self.id % 1_000_000)

    @property
    def data(self) -> dict[str, Any]:
        """Return the resource's public form."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def body(self) -> str:
        """Return the envelope of webhooks: `{"type": …, "data": …}`, as JSON."""
        return f'{{"type":"{self.type}","data":{self.text}}}'


def event_id(stamp: datetime) -> int:
    """Return the id of an event at a time of `Stamps`."""
    since = stamp - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
