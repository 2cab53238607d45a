"""Takes events to webhooks: at least once, those of a call in order, for a day if need be, and no call waits.

Each delivery is a row that was written with its event and goes when it was taken (or refused for good). In memory
lies only a window of them, and of one webhook only a part of it. Deliveries of one call to one webhook go one after
the other, in a lane; lanes of one webhook share a few connections, so that a slow one holds up nobody else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
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
_TARGETS = 2  # that an event may have: the customer's webhook and the run's


@dataclass(frozen=True, slots=True)
class Pace:
    """How deliveries are made; seconds."""

    first_retry: float = 1.0  # doubles up to
    longest_retry: float = 3600.0
    give_up: float = 86_400.0  # after the event
    together: int = 8  # requests to one webhook at once
    window: int = 10_000  # deliveries in memory
    of_one: int = 1_000  # of them, those to one webhook
    page: int = 500  # rows that are read at once
    database_retry: float = 5.0


@dataclass(eq=False)
class _Receiver:
    """A webhook as it behaves."""

    slots: asyncio.Semaphore
    held: int = 0  # its deliveries in memory
    lanes: dict[UUID, deque[Delivery]] = field(default_factory=dict)
    recovered: asyncio.Event = field(default_factory=asyncio.Event)
    in_trouble: bool = False
    since: float = 0.0  # when the trouble began, seconds since 1970
    why: str = ""  # the last fault


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
        self._receivers: dict[str, _Receiver] = {}  # by URI
        self._held: set[tuple[int, UUID]] = set()  # what lies in memory
        self._new: dict[int, list[Delivery]] = {}  # of events that are being written
        self._more = True  # the database holds deliveries that are not in memory
        self._read = 0  # event id up to which they were read
        self._left: set[str] = set()  # webhooks that have no room for theirs: these stay in the database
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

    def troubles(self) -> Sequence[str]:
        """Return in words which webhooks take nothing: since when, why, and how many events wait for each."""
        found = []
        for uri, receiver in self._receivers.items():
            if receiver.in_trouble:
                since = datetime.fromtimestamp(receiver.since, UTC)
                more = " or more" if receiver.held >= self._pace.of_one else ""
                events = f"{receiver.held}{more} event{'' if receiver.held == 1 else 's'}"
                found.append(
                    f"{_shown(uri)} takes nothing since {since:%Y-%m-%d %H:%M:%S} UTC, {events} "
                    f"wait{'s' if receiver.held == 1 else ''}; the last fault: {receiver.why}"
                )
        return found

    def outbox(self, event: Event) -> Sequence[Change]:
        """Return the rows of an event's deliveries, for the event's own transaction (Ledger.outbox)."""
        if not event.webhook:
            return ()
        made = [delivery_for(event, target) for target in self._targets(event)]
        if not made:
            return ()
        self._new[event.id] = made
        if len(self._new) > self._pace.window:  # of events that could not be written, and are not told
            del self._new[next(iter(self._new))]
        return [put(deliveries, delivery.row) for delivery in made]

    def told(self, event: Event) -> None:
        """Begin to deliver an event that is on its way into the database (Ledger.listen)."""
        for delivery in self._new.pop(event.id, ()):
            if self._loading:
                self._late.append(delivery)
            elif self._more or len(self._held) >= self._pace.window:
                self._read_later(delivery)
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
        name, uri = (delivery.event_id, delivery.target.id), delivery.target.uri
        if name in self._held or uri in self._left:
            return
        receiver = self._receivers.get(uri)
        if receiver is None:
            receiver = self._receivers[uri] = _Receiver(asyncio.Semaphore(self._pace.together))
        if receiver.held >= self._pace.of_one:
            self._left.add(uri)
            return
        self._held.add(name)
        receiver.held += 1
        lane = receiver.lanes.get(delivery.order_key)
        if lane is not None:
            lane.append(delivery)
            return
        receiver.lanes[delivery.order_key] = deque([delivery])
        self._begin(self._empty(uri, receiver, delivery.order_key))

    async def _empty(self, uri: str, receiver: _Receiver, key: UUID) -> None:
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
            receiver.held -= 1
            if uri in self._left and receiver.held <= self._pace.of_one // 2:
                self._left.discard(uri)
                self._more, self._read = True, 0
            if self._more:
                self._load_soon()
        del receiver.lanes[key]
        if not receiver.lanes and self._receivers.get(uri) is receiver:
            del self._receivers[uri]

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
            self._log.warning(
                "webhook refuses an event", uri=_shown(target.uri), status=answer.status, **delivery.about
            )
        return None

    def _taken(self, receiver: _Receiver, delivery: Delivery) -> None:
        if receiver.in_trouble:
            receiver.in_trouble = False
            self._log.info("webhook takes events again", uri=_shown(delivery.target.uri))
            receiver.recovered.set()
            receiver.recovered = asyncio.Event()

    def _after_failure(self, receiver: _Receiver, delivery: Delivery, why: str) -> Delivery:
        pace, now = self._pace, self._wall()
        receiver.why = why
        if not receiver.in_trouble:
            receiver.in_trouble, receiver.since = True, now
            uri = _shown(delivery.target.uri)
            self._log.warning("webhook takes no events, trying again", uri=uri, why=why)
        wait = min(pace.longest_retry, pace.first_retry * 2 ** min(delivery.tries, 30))
        delivery = delivery.failed(why, now + wait)
        if now + wait > delivery.event_id / 1e6 + pace.give_up:
            uri, number = _shown(delivery.target.uri), delivery.event_id
            self._log.error("event given up", uri=uri, event_id=number, why=why, **delivery.about)
            return replace(delivery, dead=True)
        return delivery

    def _load_soon(self) -> None:
        if not self._loading and self._has_room:
            self._loading = True
            self._begin(self._load())

    @property
    def _has_room(self) -> bool:
        return len(self._held) <= self._pace.window // 2

    def _read_later(self, delivery: Delivery) -> None:
        self._more, self._read = True, min(self._read, delivery.event_id - 1)

    async def _load(self) -> None:
        """Take the oldest deliveries of the database that are not in memory, page by page, until there are enough."""
        while self._more and self._has_room:
            waiting = self._store.unwritten(deliveries)
            left = frozenset(self._left)
            query = _OLDEST.where(deliveries.c.event_id > self._read)
            if left:
                query = query.where(deliveries.c.uri.not_in(left))
            try:
                found = await self._store.fetch(query.limit(self._pace.page + _TARGETS))
                self._take_page(found, waiting | self._store.unwritten(deliveries), left)
            except StoreUnavailable:
                for delivery in self._late:  # their rows wait to be written: seen when reading works again
                    self._read_later(delivery)
                self._late.clear()
                await asyncio.sleep(self._pace.database_retry)
                continue
            if not left <= self._left:  # one of those that were passed over has room again
                self._more, self._read = True, 0
        self._loading = False

    def _take_page(
        self, found: Sequence[RowMapping], waiting: Mapping[Key, Change], left: frozenset[str]
    ) -> None:
        """Take rows that were read, changed by what waits to be written; nothing of webhooks that were passed over."""
        rows = {(row["event_id"], row["target"]): dict(row) for row in found}
        self._more = len(rows) >= self._pace.page + _TARGETS
        last = max((event_id for event_id, _ in rows), default=0)
        if self._more:
            last -= 1  # of the last event of a page, a row may be on the next one
        for key, change in waiting.items():
            name = int(str(key[0])), str(key[1])
            rows.pop(name, None)
            row = change.row
            if row is not None and not row["dead"] and name[0] > self._read and row["uri"] not in left:
                rows[name] = dict(row)
        late, self._late = self._late, []
        for (event_id, _), values in sorted(rows.items()):
            if self._more and event_id > last:
                break
            if len(self._held) >= self._pace.window:
                self._more, last = True, event_id - 1
                break
            self._take(delivery_of(values))
        self._read = max(self._read, last)
        for delivery in late:
            if delivery.target.uri in left:
                continue
            if self._more:
                self._read_later(delivery)
            else:
                self._take(delivery)

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        if self._closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _shown(uri: str) -> str:
    """Return a URI for the log: what follows the path may be secret."""
    return uri.partition("?")[0]
