"""The queue of writes: what is written, in which order, and what happens while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.exc import IntegrityError, OperationalError

from tests.store.waiting import until
from voipbin_sip.store.write_behind import Change, Pace, Value, WriteBehind

TABLE = Table("things", MetaData(), Column("name", String, primary_key=True), Column("value", Integer))
FAST = Pace(gather=0.001, batch=3, retry=0.001, retry_most=0.002, capacity=10)


def change(name: str, value: int | None = 0) -> Change:
    return Change(TABLE, ("things", name), None if value is None else {"name": name, "value": value})


class Database:
    """Takes batches; `trouble` says which of them fail."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[object, object]]] = []
        self.trouble: Callable[[list[Change]], Exception | None] = lambda changes: None

    async def write(self, changes: list[Change]) -> None:
        await asyncio.sleep(0)
        if (error := self.trouble(changes)) is not None:
            raise error
        self.batches.append([(item.key[1], item.row and item.row["value"]) for item in changes])

    @property
    def written(self) -> list[tuple[object, object]]:
        return [item for batch in self.batches for item in batch]


def away(changes: list[Change]) -> Exception:
    return OperationalError("INSERT", {}, Exception("database is locked"))


async def test_changes_are_written_in_order_and_in_batches() -> None:
    database = Database()
    queue = WriteBehind(database.write, FAST)
    for name in "abcde":
        queue.add(change(name))
    queue.start()
    await until(lambda: len(database.written) == 5)
    assert [[name for name, _ in batch] for batch in database.batches] == [["a", "b", "c"], ["d", "e"]]
    await queue.close(1)


async def test_only_the_last_word_on_a_row_is_written() -> None:
    database = Database()
    queue = WriteBehind(database.write, FAST)
    for value in range(100):
        queue.add(change("a", value))
    queue.add(change("b", 1))
    queue.add(change("b", None))
    assert len(queue) == 2
    queue.start()
    await queue.close(1)
    assert database.written == [("a", 99), ("b", None)]


async def test_an_outage_loses_nothing_and_keeps_the_order() -> None:
    database = Database()
    database.trouble = away
    queue = WriteBehind(database.write, FAST)
    queue.start()
    for name in "abcd":
        queue.add(change(name, 1))
    await asyncio.sleep(0.02)
    queue.add(change("b", 2))  # during the outage
    assert database.written == []
    database.trouble = lambda changes: None
    await until(lambda: len(database.written) >= 4)
    assert dict(database.written) == {"a": 1, "b": 2, "c": 1, "d": 1}
    assert queue.lost == 0
    await queue.close(1)


async def test_a_row_changed_while_its_old_state_fails_is_written_as_it_is_now() -> None:
    database = Database()
    queue = WriteBehind(database.write, FAST)

    def fail_once(changes: list[Change]) -> Exception:
        queue.add(change("a", 2))
        database.trouble = lambda changes: None
        return away(changes)

    database.trouble = fail_once
    queue.add(change("a", 1))
    queue.start()
    await until(lambda: database.written)
    await queue.close(1)
    assert database.written == [("a", 2)]


async def test_the_queue_is_bounded() -> None:
    database = Database()
    database.trouble = away
    queue = WriteBehind(database.write, FAST)
    queue.start()
    for number in range(1000):
        queue.add(change(f"{number}"))
        if number % 100 == 0:
            await asyncio.sleep(0.003)
    assert len(queue) <= FAST.capacity + FAST.batch
    assert queue.lost >= 1000 - FAST.capacity - FAST.batch
    await queue.close(0.1)


async def test_the_queue_is_bounded_by_what_its_rows_hold() -> None:
    queue = WriteBehind(Database().write, Pace(weight=1000))
    for number in range(100):
        texts = {"name": f"{number}", "value": "x" * 100}
        queue.add(Change(TABLE, ("things", f"{number}"), texts))
    assert 5 < len(queue) < 11
    assert queue.lost == 100 - len(queue)
    queue.add(Change(TABLE, ("things", "big"), {"name": "big", "value": "x" * 5000}))
    assert len(queue) == 1  # the newest is kept, however big


async def test_what_belongs_together_is_given_up_together() -> None:
    queue = WriteBehind(Database().write, Pace(capacity=4))
    queue.add(change("a"), change("b"), change("c"))
    queue.add(change("d"), change("e"))
    assert list(queue.unwritten(TABLE)) == [("d",), ("e",)]
    assert queue.lost == 3


@pytest.mark.parametrize(
    "error",
    [IntegrityError("INSERT", {}, Exception("NOT NULL")), UnicodeEncodeError("utf-8", "\udc80", 0, 1, "no")],
)
async def test_a_row_that_can_never_be_written_does_not_hold_up_the_others(error: Exception) -> None:
    database = Database()
    database.trouble = lambda changes: error if any(item.key[1] == "b" for item in changes) else None
    queue = WriteBehind(database.write, FAST)
    for name in "abcd":
        queue.add(change(name))
    queue.start()
    await until(lambda: len(database.written) == 3)
    assert [name for name, _ in database.written] == ["a", "c", "d"]
    assert queue.lost == 1
    await queue.close(1)


async def test_closing_gives_up_in_time_when_the_database_hangs() -> None:
    async def hang(changes: list[Change]) -> None:
        await asyncio.sleep(3600)

    queue = WriteBehind(hang, FAST)
    queue.add(change("a"))
    queue.start()
    async with asyncio.timeout(2):
        await queue.close(0.05)


async def test_rows_are_made_when_they_are_written_or_have_to_wait() -> None:
    made: list[object] = []

    def form(value: int) -> dict[str, Value]:
        made.append(value)
        return {"name": "a", "value": value}

    def later(value: int) -> Change:
        return Change(TABLE, ("things", "a"), value, form)

    database = Database()
    queue = WriteBehind(database.write, FAST)
    for value in range(3):
        queue.add(later(value))
    assert made == []
    database.trouble = away
    queue.start()
    await until(lambda: queue.in_trouble)
    queue.add(later(3))
    assert made == [3]  # its text takes less room than what it is made of
    database.trouble = lambda changes: None
    await until(lambda: not len(queue))
    assert database.written[-1] == ("a", 3)  # the one before may have been on its way
    await queue.close(1)


async def test_what_comes_while_rows_are_written_is_gathered_again() -> None:
    """Otherwise the busier the server is, the smaller its transactions were."""
    database = Database()
    queue = WriteBehind(database.write, Pace(gather=0.05, batch=100))
    database.trouble = lambda changes: queue.add(change(f"later {len(database.batches)}"))
    queue.add(change("a"))
    queue.start()
    await until(lambda: len(database.batches) == 1)
    assert len(queue) == 1
    await asyncio.sleep(0.01)
    assert len(database.batches) == 1
    await until(lambda: len(database.batches) == 2)
    database.trouble = lambda changes: None
    await queue.close(1)
    assert [name for name, _ in database.written] == ["a", "later 0", "later 1"]
