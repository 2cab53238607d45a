"""Who listens to events by websocket: topics, and a queue for each that never holds anybody else up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from voipbin_sip.events.event import Event
from voipbin_sip.resources.base import NO_UUID

QUEUE = 1000  # events that wait for a slow client; what comes then is lost to it


def event_topics(event: Event) -> tuple[str, ...]:
    """Return the topics of an event: `customer_id:<id>:<resource>:<id>`, and its agent's."""
    rest = f"{event.kind}:{event.resource_id}"
    customer = f"customer_id:{event.customer_id}:{rest}"
    if event.owner_id == NO_UUID:
        return (customer,)
    return customer, f"agent_id:{event.owner_id}:{rest}"


@dataclass(eq=False)
class Subscriber:
    """One client. `take` waits for its next event."""

    topics: set[str] = field(default_factory=set)
    lost: int = 0
    capacity: int = QUEUE
    _queue: deque[Event] = field(default_factory=deque)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, event: Event) -> bool:
        """Whether one of the topics names the event or something that it is a part of."""
        return any(
            topic == wanted or topic.startswith(f"{wanted}:")
            for topic in event_topics(event)
            for wanted in self.topics
        )

    def offer(self, event: Event) -> None:
        """Queue an event if it is wanted."""
        if not self.wants(event):
            return
        if len(self._queue) >= self.capacity:
            self.lost += 1
            return
        self._queue.append(event)
        self._some.set()

    async def take(self) -> Event:
        """Return the next event."""
        while not self._queue:
            self._some.clear()
            await self._some.wait()
        return self._queue.popleft()


class Hub:
    """All subscribers."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()

    def told(self, event: Event) -> None:
        """Pass an event on (Ledger.listen)."""
        for subscriber in self._subscribers:
            subscriber.offer(event)

    def enter(self, subscriber: Subscriber) -> None:
        """Let a client hear from now on."""
        self._subscribers.add(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Let it hear no more."""
        self._subscribers.discard(subscriber)

    def __len__(self) -> int:
        """Return how many clients there are."""
        return len(self._subscribers)


def scopes(topics: Iterable[str]) -> set[tuple[str, str]]:
    """Return scope and id of each topic. Raises ValueError for what is no topic."""
    found = set()
    for topic in topics:
        parts = topic.split(":")
        if not 2 <= len(parts) <= 4 or parts[0] not in ("customer_id", "agent_id") or not all(parts):
            raise ValueError(f"no topic: {topic[:100]!r}")
        found.add((parts[0], parts[1].lower()))
    return found
