"""What is too old is forgotten, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from sqlalchemy import select

from tests.resources.things import Thing, open_store
from tests.store.waiting import until
from voipbin_sip.events.delivery import Target, delivery_for
from voipbin_sip.events.event import Event
from voipbin_sip.platform.retention import Retention, Sweeps
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.history import History
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import Store, put
from voipbin_sip.store.tables import deliveries, events, resources
from voipbin_sip.store.write_behind import Change

NOW = datetime(2026, 11, 22, tzinfo=UTC)
QUICK = Sweeps(batch=3, pause=0.001, first=0.001, every=0.01)


class Setting(Thing):
    kind: ClassVar[str] = "setting"


class World:
    """A ledger by a clock that the test turns, with a webhook that takes nothing."""

    def __init__(self, store: Store) -> None:
        self.now = NOW
        self.store = store
        self.ledger = Ledger(store, Stamps(lambda: self.now))
        self.ledger.outbox = self._outbox
        self.history = History(self.ledger)
        self.settings = Catalogue(self.ledger, [Setting])

    def retention(self, days: float) -> Retention:
        return Retention(self.store, days, ["setting"], wall=lambda: self.now, sweeps=QUICK)

    def _outbox(self, event: Event) -> Sequence[Change]:
        return [put(deliveries, delivery_for(event, Target(NO_UUID, "POST", "http://gone.test")).row)]

    async def names(self) -> list[str]:
        await until(lambda: not self.store.waiting)
        rows = await self.store.fetch(select(resources))
        return sorted(Thing.model_validate_json(row["body"]).name for row in rows)

    async def told(self) -> tuple[int, int]:
        rows = [await self.store.fetch(select(table)) for table in (events, deliveries)]
        return len(rows[0]), len(rows[1])


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    store = await open_store(database)
    yield World(store)
    await store.close()


async def test_events_and_what_happened_go_when_they_are_too_old(world: World) -> None:
    for number in range(10):
        world.history.begin(Thing(name=f"{number}"), "thing_created")
        world.now += timedelta(days=1)
    assert len(await world.names()) == 10
    removed = await world.retention(4.5).sweep()
    assert await world.names() == ["6", "7", "8", "9"]
    assert await world.told() == (4, 4)
    assert removed == 18
    assert await world.retention(4.5).sweep() == 0


async def test_what_people_configure_stays_until_they_delete_it(world: World) -> None:
    kept = await world.settings.create(Setting(name="kept"))
    gone = await world.settings.create(Setting(name="gone"))
    world.history.begin(Thing(name="happened"))
    world.now += timedelta(days=50)
    await world.settings.delete(Setting, gone.id)
    world.now += timedelta(days=50)
    await world.names()
    await world.retention(90).sweep()
    assert await world.names() == ["gone", "kept"]
    world.now += timedelta(days=50)
    await world.retention(90).sweep()
    assert await world.names() == ["kept"]
    await world.settings.load()
    assert world.settings.get(Setting, kept.id).name == "kept"


async def test_it_is_done_by_itself_and_again(world: World) -> None:
    retention = world.retention(1)
    retention.start()
    for number in range(2):
        world.history.begin(Thing(name=f"{number}"))
        assert len(await world.names()) == 1
        world.now += timedelta(days=2)
        while await world.names():
            pass
    await retention.close()


async def test_zero_days_keep_everything(world: World) -> None:
    world.history.begin(Thing(name="old"))
    await world.names()
    world.now += timedelta(days=10_000)
    retention = world.retention(0)
    retention.start()
    await until(lambda: not world.store.waiting)
    await retention.close()
    assert await world.names() == ["old"]
