"""Takes events to webhooks: at least once, those of a call in order, for a day if need be, and no call waits.

Each delivery is a row that was written with its event and goes when it was taken (or refused for good). In memory
lies only a window of them. Deliveries of one call to one webhook go one after the other, in a lane; lanes of one
webhook share a few connections, so that a slow one holds up nobody else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog
from sqlalchemy import RowMapping, select

from voipbin_sip.events.delivery import Delivery, Target, delivery_for, delivery_of
from voipbin_sip.events.event import Event
from voipbin_sip.store.store import Store, StoreUnavailable, put
from voipbin_sip.store.tables import deliveries
from voipbin_sip.store.write_behind import Change, Key
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import WebError

TRY_AGAIN = frozenset({408, 425, 429})  # and 5xx; other refusals are final, as VoIPBIN has it

_OLDEST = select(deliveries).where(deliveries.c.dead.is_(False)).order_by(deliveries.c.event_id)


@dataclass(frozen=True, slots=True)
class Pace:
    """How deliveries are made; seconds."""

    first_retry: float = 1.0  # doubles up to
    longest_retry: float = 3600.0
    give_up: float = 86_400.0  # after the event
    together: int = 8  # requests to one webhook at once
    window: int = 10_000  # deliveries in memory
    database_retry: float = 5.0
    database_wait: float = 0.2


@dataclass(eq=False)
class _Receiver:
    """A webhook as it behaves."""

    slots: asyncio.Semaphore
    lanes: dict[UUID, deque[Delivery]] = field(default_factory=dict)
    recovered: asyncio.Event = field(default_factory=asyncio.Event)
    in_trouble: bool = False


class Webhooks:
    """The outbox and the tasks that empty it.

    Args:
        targets: the webhooks that an event is for.
        secret: what bodies are signed with, by the target's id.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        web: WebClient,
        *,
        targets: Callable[[Event], Sequence[Target]],
        secret: Callable[[UUID], bytes | None],
        wall: Callable[[], float] = time.time,
        pace: Pace | None = None,
    ) -> None:
        self._store = store
        self._web = web
        self._targets = targets
        self._secret = secret
        self._wall = wall
        self._pace = pace or Pace()
        self._receivers: dict[tuple[UUID, str], _Receiver] = {}
        self._held: set[tuple[int, UUID]] = set()  # what lies in memory
        self._new: dict[int, list[Delivery]] = {}  # of events that are being written
        self._more = True  # the database holds deliveries that are not in memory
        self._tasks: set[asyncio.Task[None]] = set()
        self._loading = False
        self._late: list[Delivery] = []  # what came while the database was read
        self._closed = False
        self._log = structlog.get_logger("webhooks")

    @property
    def waiting(self) -> int:
        """How many deliveries lie in memory."""
        return len(self._held)

    @property
    def in_trouble(self) -> int:
        """How many receivers do not take what they are sent."""
        return sum(receiver.in_trouble for receiver in self._receivers.values())

    def outbox(self, event: Event) -> Sequence[Change]:
        """Return the rows of an event's deliveries, for the event's own transaction (Ledger.outbox)."""
        if not event.webhook:
            return ()
        made = [delivery_for(event, target) for target in self._targets(event)]
        if made:
            self._new[event.id] = made
        return [put(deliveries, delivery.row) for delivery in made]

    def told(self, event: Event) -> None:
        """Begin to deliver an event that is on its way into the database (Ledger.listen)."""
        for delivery in self._new.pop(event.id, ()):
            if self._loading:
                self._late.append(delivery)
            elif self._more or len(self._held) >= self._pace.window:
                self._more = True  # it is read again when its turn comes
                self._load_soon()
            else:
                self._take(delivery)

    def start(self) -> None:
        """Go on with what was not delivered before."""
        self._load_soon()

    async def close(self) -> None:
        """Stop; what is not delivered stays in the database."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def again(self, delivery: Delivery) -> None:
        """Try one anew that was given up."""
        fresh = replace(delivery, dead=False, tries=0, next_try=0.0)
        self._store.put(deliveries, fresh.row)
        self._take(fresh)

    def forget(self, delivery: Delivery) -> None:
        """Give one up for good."""
        self._store.remove(deliveries, delivery.key)

    def _take(self, delivery: Delivery) -> None:
        name = delivery.event_id, delivery.target.id
        if name in self._held:
            return
        self._held.add(name)
        at = delivery.target.id, delivery.target.uri
        receiver = self._receivers.get(at)
        if receiver is None:
            receiver = self._receivers[at] = _Receiver(asyncio.Semaphore(self._pace.together))
        lane = receiver.lanes.get(delivery.order_key)
        if lane is not None:
            lane.append(delivery)
            return
        receiver.lanes[delivery.order_key] = deque([delivery])
        self._begin(self._empty(at, receiver, delivery.order_key))

    async def _empty(self, at: tuple[UUID, str], receiver: _Receiver, key: UUID) -> None:
        """Deliver one lane."""
        lane = receiver.lanes[key]
        while lane:
            delivery = lane[0]
            await self._turn(receiver, delivery)
            async with receiver.slots:
                why = await self._send(delivery)
            if why is None:
                self._taken(receiver, delivery)
                self._store.remove(deliveries, delivery.key)
            else:
                delivery = self._after_failure(receiver, delivery, why)
                self._store.put(deliveries, delivery.row)
                if not delivery.dead:
                    lane[0] = delivery
                    continue
            lane.popleft()
            self._held.discard((delivery.event_id, delivery.target.id))
            if self._more:
                self._load_soon()
        del receiver.lanes[key]
        if not receiver.lanes and self._receivers.get(at) is receiver:
            del self._receivers[at]

    async def _turn(self, receiver: _Receiver, delivery: Delivery) -> None:
        """Wait for the time of the next try, or until another one of the webhook's was taken."""
        wait = delivery.next_try - self._wall()
        if wait > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await receiver.recovered.wait()

    async def _send(self, delivery: Delivery) -> str | None:
        """Try once; None: it was taken."""
        target = delivery.target
        try:
            answer = await self._web.request(
                target.method or "POST",
                target.uri,
                body=delivery.body,
                headers=delivery.headers(self._secret(target.id)),
                max_bytes=64 * 1024,
            )
        except WebError as error:
            return str(error)
        if answer.status in TRY_AGAIN or answer.status >= 500:
            return f"status {answer.status}"
        if answer.status >= 400:
            self._log.warning("webhook refuses an event", uri=target.uri, status=answer.status)
        return None

    def _taken(self, receiver: _Receiver, delivery: Delivery) -> None:
        if receiver.in_trouble:
            receiver.in_trouble = False
            self._log.info("webhook takes events again", uri=delivery.target.uri)
            receiver.recovered.set()
            receiver.recovered = asyncio.Event()

    def _after_failure(self, receiver: _Receiver, delivery: Delivery, why: str) -> Delivery:
        pace, now = self._pace, self._wall()
        if not receiver.in_trouble:
            receiver.in_trouble = True
            self._log.warning("webhook takes no events, trying again", uri=delivery.target.uri, why=why)
        wait = min(pace.longest_retry, pace.first_retry * 2 ** min(delivery.tries, 30))
        delivery = delivery.failed(why, now + wait)
        if now + wait > delivery.event_id / 1e6 + pace.give_up:
            self._log.error("event given up", uri=delivery.target.uri, event_id=delivery.event_id, why=why)
            return replace(delivery, dead=True)
        return delivery

    def _load_soon(self) -> None:
        if not self._loading and self._has_room:
            self._loading = True
            self._begin(self._load())

    @property
    def _has_room(self) -> bool:
        return len(self._held) <= self._pace.window // 2

    async def _load(self) -> None:
        """Take the oldest deliveries of the database that are not in memory, until there are enough."""
        while self._more and self._has_room:
            waiting = self._store.unwritten(deliveries)
            try:
                found = await self._store.fetch(_OLDEST.limit(self._pace.window))
                taken = self._take_oldest(found, waiting | self._store.unwritten(deliveries))
            except StoreUnavailable:
                self._late.clear()  # their rows wait to be written: they are seen when reading works again
                await asyncio.sleep(self._pace.database_retry)
                continue
            if (
                self._more and not taken
            ):  # what was read is delivered, but the database does not know that yet
                await asyncio.sleep(self._pace.database_wait)
        self._loading = False

    def _take_oldest(self, found: Sequence[RowMapping], waiting: Mapping[Key, Change]) -> int:
        """Take rows that were read, changed by what waits to be written; returns how many that are."""
        before = len(self._held)
        rows = {(row["event_id"], row["target"]): dict(row) for row in found}
        self._more = len(rows) >= self._pace.window
        last = max((row["event_id"] for row in rows.values()), default=0)
        for key, change in waiting.items():
            event_id, target = int(str(key[0])), str(key[1])
            rows.pop((event_id, target), None)
            if change.row is not None and not change.row["dead"] and not (self._more and event_id > last):
                rows[event_id, target] = dict(change.row)
        late, self._late = [] if self._more else self._late, []
        for delivery in (*(delivery_of(row) for _, row in sorted(rows.items())), *late):
            if len(self._held) >= self._pace.window:
                self._more = True
                break
            self._take(delivery)
        return len(self._held) - before

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        if self._closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
