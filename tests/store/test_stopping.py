"""A store that is closed in the middle of its work is closed soon: nothing of the driver is left, nothing hangs."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from tests.databases import Postgres
from tests.resources.things import Thing, make_ledger, open_store
from voipbin_sip.resources.catalogue import Catalogue
from voipbin_sip.store import operations
from voipbin_sip.store import store as store_module
from voipbin_sip.store.operations import Operations
from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import events


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Let threads change places far more often, so that each order of things comes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.00005)
    yield
    sys.setswitchinterval(before)


async def _much_in_hand(store: Store, count: int) -> list[asyncio.Task[object]]:
    things = Catalogue(make_ledger(store)[0], [Thing])
    loop = asyncio.get_running_loop()
    work = [store.fetch(select(events)) if n % 2 else things.create(Thing(name=str(n))) for n in range(count)]
    return [loop.create_task(one) for one in work]


async def _open_and_close(database: str, chance: random.Random) -> None:
    store = await open_store(database)
    tasks = await _much_in_hand(store, 6)
    for _ in range(chance.randrange(12)):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await store.close()


@pytest.mark.usefixtures("hasty_threads")
def test_closing_with_work_in_hand_that_is_cancelled(database: str) -> None:
    """The end of the loop cancels what is left: nothing of the driver may be."""
    for seed in range(30):
        work = partial(asyncio.run, _open_and_close(database, random.Random(seed)))
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(20.0)
        assert not thread.is_alive(), f"the loop does not end with seed {seed}"


async def test_closing_while_the_database_says_nothing(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "CLOSE_SECONDS", 0.3)
    monkeypatch.setattr(operations, "GIVE_UP_SECONDS", 0.3)
    store = await open_store(postgres.database())
    await store.fetch(select(events))
    postgres.freeze()
    try:
        tasks = await _much_in_hand(store, 4)
        await asyncio.sleep(0.2)
        for task in tasks[:2]:
            task.cancel()
        with capture_logs() as logs:
            async with asyncio.timeout(5.0):
                await store.close(0.3)
        assert "leaving" in "".join(log["event"] for log in logs)
    finally:
        postgres.thaw()
    async with asyncio.timeout(15.0):
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_waits_may_be_cancelled_the_work_goes_on() -> None:
    work, done = Operations(), asyncio.Event()

    async def in_driver() -> None:
        await asyncio.sleep(0.01)
        done.set()

    waiting = asyncio.create_task(work.run(in_driver(), 5.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (len(work), done.is_set()) == (1, False)
    assert await work.close(5.0)
    assert done.is_set()


async def test_what_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "GIVE_UP_SECONDS", 0.01)
    work, end = Operations(), asyncio.Event()

    async def deaf() -> None:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue  # a driver that does not hear that it is to stop

    with pytest.raises(TimeoutError, match="no answer within"):
        await work.run(deaf(), 0.01)
    assert not await work.close(0.01)
    end.set()
    assert await work.close(5.0)
