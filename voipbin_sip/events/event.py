"""One thing that happened, as a value."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from voipbin_sip.resources.base import NO_UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Event:
    """What happened to a resource.

    `id` rises from event to event: it is the event's time in microseconds since 1970, made unique. `content` is the
    resource's public form as JSON or what makes that, from values that do not change any more: nobody asks for the
    text of most events before they are written.
    """

    id: int
    type: str  # "call_hangup"
    kind: str  # "call"; the resource in topics
    resource_id: UUID
    customer_id: UUID
    content: str | Callable[[], str]
    activeflow_id: UUID = NO_UUID
    owner_id: UUID = NO_UUID
    webhook: bool = True  # False: only for websockets and timelines

    @property
    def time(self) -> datetime:
        """Return when it happened."""
        return datetime.fromtimestamp(self.id // 1_000_000, UTC).replace(microsecond=self.id % 1_000_000)

    @property
    def text(self) -> str:
        """Return the resource's public form as JSON."""
        if not isinstance(self.content, str):
            self.content = self.content()
        return self.content

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
