"""Configured resources: made by the API, declared by YAML, kept over a restart."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import select

from tests.databases import sqlite_url
from tests.resources.things import Thing, make_ledger, open_store
from voipbin_sip.resources.base import declared_id
from voipbin_sip.resources.catalogue import Catalogue, Declared, NotFound
from voipbin_sip.store.store import StoreUnavailable
from voipbin_sip.store.tables import events

LATER = datetime(9999, 1, 1, tzinfo=UTC)


async def test_what_was_made_is_there_after_a_restart_and_its_secret_in_no_event(database: str) -> None:
    store = await open_store(database)
    ledger, heard = make_ledger(store)
    things = Catalogue(ledger, [Thing])
    made = await things.create(Thing(name="a", secret="s3cret"), "thing_created")
    await things.update(Thing, made.id, "thing_updated", name="b")
    told = [row["data"] for row in await store.read(select(events).order_by(events.c.id))]
    await store.close()
    assert heard.types == ["thing_created", "thing_updated"]
    assert [event.data["name"] for event in heard.events] == ["a", "b"]
    assert len(told) == 2
    assert "s3cret" not in "".join(told) + str([event.data for event in heard.events])

    again = await open_store(database)
    ledger, _ = make_ledger(again)
    things = Catalogue(ledger, [Thing])
    await things.load()
    found = things.get(Thing, made.id)
    await again.close()
    assert (found.name, found.secret, found.tm_create) == ("b", "s3cret", made.tm_create)


async def test_deleted_ones_are_found_by_id_only_and_do_not_change_any_more(database: str) -> None:
    store = await open_store(database)
    things = Catalogue(make_ledger(store)[0], [Thing])
    made = await things.create(Thing(name="a"))
    deleted = await things.delete(Thing, made.id)
    assert deleted.tm_delete is not None
    assert things.get(Thing, made.id) == deleted
    assert things.all(Thing) == []
    with pytest.raises(NotFound):
        await things.update(Thing, made.id, name="b")
    with pytest.raises(NotFound):
        await things.delete(Thing, made.id)
    await store.close()


async def test_pages_go_from_new_to_old_without_gaps(database: str) -> None:
    store = await open_store(database)
    things = Catalogue(make_ledger(store)[0], [Thing])
    for number in range(7):
        await things.create(Thing(name=str(number)))
    seen, before = [], LATER
    while page := things.page(Thing, before=before, size=3):
        seen += [thing.name for thing in page]
        assert page[-1].tm_create is not None
        before = page[-1].tm_create
    await store.close()
    assert seen == list("6543210")


async def test_declared_ones_keep_their_ids_and_are_changed_in_their_file_only(database: str) -> None:
    store = await open_store(database)
    things = Catalogue(make_ledger(store)[0], [Thing])
    calls: list[int] = []
    things.watch(Thing, lambda: calls.append(len(things.all(Thing))))
    id_ = declared_id("thing", "front")
    things.declare(Thing, [(Thing(id=id_, name="front"), "directory.yaml:3")])
    await things.create(Thing(name="made"))
    with pytest.raises(Declared, match=r"directory\.yaml:3"):
        await things.update(Thing, id_, name="other")
    with pytest.raises(Declared):
        await things.delete(Thing, id_)
    assert things.where(id_) == "directory.yaml:3"
    things.declare(Thing, [])
    assert [thing.name for thing in things.all(Thing)] == ["made"]
    assert calls == [1, 2, 1]
    await store.close()


class Other(Thing):
    kind: ClassVar[str] = "other"


async def test_who_watches_several_kinds_is_called_once_for_all_of_them(tmp_path: Path) -> None:
    store = await open_store(sqlite_url(tmp_path / "test.db"))
    things = Catalogue(make_ledger(store)[0], [Thing, Other])
    calls: list[tuple[int, int]] = []

    def look() -> None:
        calls.append((len(things.all(Thing)), len(things.all(Other))))

    things.watch(Thing, look)
    things.watch(Other, look)
    things.declare_all([(Thing, [(Thing(name="a"), "x:1")]), (Other, [(Other(name="b"), "x:2")])])
    await store.close()
    assert calls == [(1, 1)]


async def test_without_a_database_nothing_changes(tmp_path: Path) -> None:
    store = await open_store(sqlite_url(tmp_path / "test.db"))
    ledger, heard = make_ledger(store)
    things = Catalogue(ledger, [Thing])
    made = await things.create(Thing(name="a"))
    (tmp_path / "test.db").unlink()
    (tmp_path / "test.db-wal").unlink(missing_ok=True)
    (tmp_path / "test.db").mkdir()
    await store._engine.dispose()
    with pytest.raises(StoreUnavailable):
        await things.update(Thing, made.id, "thing_updated", name="b")
    assert things.get(Thing, made.id).name == "a"
    assert heard.events == []
    await store.close(0.1)
