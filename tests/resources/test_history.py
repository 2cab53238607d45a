"""Live resources: written behind, read back as they are now."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.resources.things import SLOW, Thing, make_ledger, open_store
from tests.store.waiting import until
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.store.tables import events, resources

LATER = datetime(9999, 1, 1, tzinfo=UTC)


async def test_a_state_is_seen_before_it_is_written_and_after(database: str) -> None:
    store = await open_store(database)
    history = History(make_ledger(store)[0])
    thing = history.begin(Thing(name="a"), "thing_created")
    assert await history.get(Thing, thing.id) == thing
    await until(lambda: not store.waiting)
    assert await history.get(Thing, thing.id) == thing
    changed = history.put(thing.changed(name="b"))
    assert await history.get(Thing, thing.id) == changed
    await store.close()


async def test_a_text_that_no_database_takes_stops_nobody(database: str) -> None:
    """Phones send what they like; half of a character must not end a call."""
    store = await open_store(database)
    history = History(make_ledger(store)[0])
    thing = history.begin(Thing(name="a\udc80b\0c"), "thing_created")
    assert (await history.get(Thing, thing.id)).name == "a?b\0c"
    await until(lambda: not store.waiting)
    assert (await history.get(Thing, thing.id)).name == "a?b\0c"
    assert store.lost == 0
    await store.close()


async def test_lists_mix_what_is_written_with_what_waits(database: str) -> None:
    store = await open_store(database)
    history = History(make_ledger(store)[0])
    written = [history.begin(Thing(name=str(number))) for number in range(4)]
    await store.close()
    store = await open_store(database, SLOW)
    history = History(make_ledger(store)[0])
    history.begin(Thing(name="4"))
    history.put(written[1].changed(name="changed"))
    history.delete(written[2])
    names = [thing.name for thing in await history.page(Thing, before=LATER, size=10)]
    assert names == ["4", "3", "changed", "0"]
    before = written[3].tm_create
    assert before is not None
    assert [thing.name for thing in await history.page(Thing, before=before, size=1)] == ["changed"]
    await store.close()


async def test_the_parts_of_one_thing(database: str) -> None:
    store = await open_store(database)
    history = History(make_ledger(store)[0])
    whole = uuid4()
    history.begin(Thing(name="mine", part_of=whole))
    history.begin(Thing(name="other", part_of=uuid4()))
    assert [t.name for t in await history.page(Thing, before=LATER, size=9, reference_id=whole)] == ["mine"]
    await until(lambda: not store.waiting)
    assert [t.name for t in await history.page(Thing, before=LATER, size=9, reference_id=whole)] == ["mine"]
    await store.close()


async def test_things_are_found_by_the_beginning_of_their_id(database: str) -> None:
    store = await open_store(database)
    history = History(make_ledger(store)[0])
    things = [
        Thing(id=UUID(f"{name}-0000-4000-8000-000000000000")) for name in ("00ff00ff", "00ff00aa", "ff00ff00")
    ]
    for thing in things:
        history.begin(thing)

    async def names(start: str) -> set[str]:
        return {str(thing.id)[:8] for thing in await history.beginning(Thing, start, 9)}

    for written in (False, True):
        if written:
            await until(lambda: not store.waiting)
        assert await names("00ff") == {"00ff00ff", "00ff00aa"}
        assert await names("00ff00ff-0000") == {"00ff00ff"}
        assert await names("0f") == await names("%") == await names("00_f") == set()
    history.delete(things[0].changed(name="gone"))
    assert await names("00ff") == {"00ff00aa"}
    assert len(await history.beginning(Thing, "", 2)) == 2
    await store.close()


async def test_an_unknown_id_is_not_found(database: str) -> None:
    store = await open_store(database)
    with pytest.raises(NotFound):
        await History(make_ledger(store)[0]).get(Thing, uuid4())
    await store.close()


async def test_no_state_is_in_the_database_before_its_events(database: str) -> None:
    """However the queue is cut into transactions."""
    store = await open_store(database)
    store._queue._pace = type(store._queue._pace)(gather=0.001, batch=3)
    history = History(make_ledger(store)[0])
    things = [history.begin(Thing(name="0"), "thing_created") for _ in range(10)]
    for number in range(1, 20):
        things = [history.put(thing.changed(name=str(number)), "thing_updated") for thing in things]

    other = await open_store(database)

    async def read_all() -> None:
        states = await other.fetch(select(resources))
        told = {
            (row["resource_id"], json.loads(row["data"])["name"]) for row in await other.fetch(select(events))
        }
        assert {(row["id"], json.loads(row["body"])["name"]) for row in states} <= told

    while store.waiting:
        await read_all()
    await read_all()
    assert len(await other.fetch(select(resources))) == 10
    await store.close()
    await other.close()


async def test_events_show_what_was_though_they_are_written_later(database: str) -> None:
    """Nobody has asked for their text before; the resource is written once, as it was last."""
    store = await open_store(database, SLOW)
    history = History(make_ledger(store)[0])
    thing = history.begin(Thing(name="a", secret="hush"), "thing_created")
    for name in "bc":
        thing = history.put(thing, f"thing_{name}", name=name)
    assert store.waiting == 4
    await store.close()
    store = await open_store(database)
    told = await store.fetch(select(events).order_by(events.c.id))
    assert [(row["type"], json.loads(row["data"])["name"]) for row in told] == [
        ("thing_created", "a"),
        ("thing_b", "b"),
        ("thing_c", "c"),
    ]
    assert "hush" not in "".join(row["data"] for row in told)
    kept = await store.fetch(select(resources))
    assert [(json.loads(row["body"])["name"], json.loads(row["body"])["secret"]) for row in kept] == [
        ("c", "hush")
    ]
    await store.close()


async def test_what_cannot_be_shown_is_given_up_alone(database: str) -> None:
    store = await open_store(database)
    history = History(make_ledger(store)[0])
    history.begin(Thing(name="a"), "thing_created")
    history.begin(Thing().changed(name=object()), "thing_created")
    history.begin(Thing(name="b"), "thing_created")
    await until(lambda: not store.waiting)
    assert store.lost == 2  # its event and itself
    assert [thing.name for thing in await history.page(Thing, before=LATER, size=9)] == ["b", "a"]
    await store.close()
