"""The database locked, stopped, frozen or without an answer: nobody waits for it, nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url, select

from tests.databases import Postgres
from tests.resources.things import FAST, Heard, Thing, make_ledger, open_store
from tests.store.waiting import until
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.resources.history import History
from voipbin_sip.store import store as store_module
from voipbin_sip.store.store import OutcomeUnknown, Store, StoreUnavailable
from voipbin_sip.store.tables import events, resources
from voipbin_sip.store.write_behind import Change

LATER = datetime(9999, 1, 1, tzinfo=UTC)
Trouble = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "READ_SECONDS", 0.3)
    monkeypatch.setattr(store_module, "WRITE_SECONDS", 0.3)


@pytest.fixture
def trouble(database: str, postgres_server: Postgres | None) -> Trouble:
    """What keeps the database from taking anything for as long as it is entered."""

    @asynccontextmanager
    async def locked() -> AsyncIterator[None]:
        other = sqlite3.connect(database.partition("///")[2], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()

    @asynccontextmanager
    async def stopped() -> AsyncIterator[None]:
        assert postgres_server is not None
        await asyncio.to_thread(postgres_server.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(postgres_server.start)

    return locked if postgres_server is None else stopped


@pytest.fixture
def postgres_server(request: pytest.FixtureRequest, database: str) -> Postgres | None:
    if database.startswith("sqlite"):
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return server


async def told(store: Store) -> list[tuple[int, str]]:
    return [(row["id"], row["type"]) for row in await store.fetch(select(events).order_by(events.c.id))]


async def fill(history: History, heard: Heard, meanwhile: AbstractAsyncContextManager[None]) -> Thing:
    """Let things happen before, during and after trouble; returns one of them as it is in the end."""
    things = [history.begin(Thing(name=str(number)), "thing_created") for number in range(5)]
    await asyncio.sleep(0.05)
    loop = asyncio.get_running_loop()
    async with meanwhile:
        longest = 0.0
        for step in range(30):
            before = loop.time()
            things = [history.put(thing.changed(name=f"{step}"), f"thing_{step}") for thing in things]
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - before)
        assert longest < 0.5
        assert (await history.get(Thing, things[0].id)).name == "29"
    things = [history.put(thing.changed(name="end"), "thing_ended") for thing in things]
    assert len(heard.events) == 5 * 32
    return things[0]


async def test_what_happens_in_an_outage_is_written_after_it(database: str, trouble: Trouble) -> None:
    store = await open_store(database)
    ledger, heard = make_ledger(store)
    history = History(ledger)
    last = await fill(history, heard, trouble())
    await until(lambda: not store.waiting, 15)
    assert store.lost == 0
    assert await told(store) == [(event.id, event.type) for event in heard.events]
    assert await history.get(Thing, last.id) == last
    assert len(await history.page(Thing, before=LATER, size=100)) == 5
    await store.close()


@pytest.mark.usefixtures("short_waits")
async def test_a_server_that_says_nothing_for_a_while(postgres: Postgres) -> None:
    store = await open_store(postgres.database())
    ledger, heard = make_ledger(store)
    history = History(ledger)

    @asynccontextmanager
    async def frozen() -> AsyncIterator[None]:
        postgres.freeze()
        try:
            yield
            with pytest.raises(StoreUnavailable):
                await history.page(Thing, before=LATER, size=1)
            await asyncio.sleep(0.5)
        finally:
            postgres.thaw()

    await fill(history, heard, frozen())
    await until(lambda: not store.waiting, 15)
    assert store.lost == 0
    assert await told(store) == [(event.id, event.type) for event in heard.events]
    await store.close()


@pytest.mark.parametrize("wrong", ["password", "database"])
async def test_a_server_that_does_not_let_us_in(postgres: Postgres, wrong: str) -> None:
    right = make_url(postgres.database())
    url = right.set(password="wrong") if wrong == "password" else right.set(database="absent")
    store = Store(url.render_as_string(hide_password=False), FAST)
    assert not await store.open()
    with pytest.raises(StoreUnavailable):
        await store.fetch(select(events))
    with pytest.raises(StoreUnavailable):
        await Catalogue(make_ledger(store)[0], [Thing]).create(Thing(name="a"))
    History(make_ledger(store)[0]).begin(Thing(name="b"), "thing_created")
    await asyncio.sleep(0.05)
    assert store.waiting == 2
    await store.close(0.1)


async def test_a_change_is_refused_in_an_outage_and_taken_after_it(database: str, trouble: Trouble) -> None:
    store = await open_store(database)
    ledger, heard = make_ledger(store)
    things = Catalogue(ledger, [Thing])
    made = await things.create(Thing(name="a"), "thing_created")
    async with trouble():
        with pytest.raises(StoreUnavailable):
            await things.update(Thing, made.id, "thing_updated", name="b")
        assert things.get(Thing, made.id).name == "a"
    await things.update(Thing, made.id, "thing_updated", name="c")
    assert [event.data["name"] for event in heard.events] == ["a", "c"]
    assert await told(store) == [(event.id, event.type) for event in heard.events]
    await store.close()


def lose_the_answer(store: Store, times: int = 1) -> None:
    """Let transactions be carried out, but their answers get lost."""
    write = store._write
    left = [None] * times

    async def silent(changes: list[Change]) -> None:
        await write(changes)
        if left:
            left.pop()
            raise OSError("connection lost")

    store._write = silent  # type: ignore[method-assign]


async def test_a_transaction_without_an_answer_is_written_again_and_counts_once(database: str) -> None:
    store = await open_store(database)
    lose_the_answer(store, 3)
    ledger, heard = make_ledger(store)
    history = History(ledger)
    things = [history.begin(Thing(name=str(number)), "thing_created") for number in range(5)]
    await until(lambda: not store.waiting)
    assert await told(store) == [(event.id, event.type) for event in heard.events]
    assert len(await store.fetch(select(resources))) == len(things)
    await store.close()


async def test_a_refused_change_is_not_there_after_all(database: str) -> None:
    """Neither what was to be made nor what was to be changed, though the database had done it."""
    store = await open_store(database)
    ledger, heard = make_ledger(store)
    things = Catalogue(ledger, [Thing])
    made = await things.create(Thing(name="a"), "thing_created")
    lose_the_answer(store, 2)
    with pytest.raises(OutcomeUnknown):
        await things.update(Thing, made.id, "thing_updated", name="b")
    with pytest.raises(OutcomeUnknown):
        await things.create(Thing(name="c"), "thing_created")
    await until(lambda: not store.waiting)
    again = Catalogue(ledger, [Thing])
    await again.load()
    assert [thing.name for thing in again.all(Thing)] == ["a"]
    assert await told(store) == [(event.id, event.type) for event in heard.events]
    assert heard.types == ["thing_created"]
    await store.close()


async def test_what_was_undone_does_not_come_over_what_came_after(database: str) -> None:
    store = await open_store(database, FAST)
    things = Catalogue(make_ledger(store)[0], [Thing])
    made = await things.create(Thing(name="a"))
    lose_the_answer(store)
    with pytest.raises(OutcomeUnknown):
        await things.update(Thing, made.id, name="b")
    await things.update(Thing, made.id, name="c")
    await until(lambda: not store.waiting)
    await things.load()
    assert things.get(Thing, made.id).name == "c"
    await store.close()
