"""Flows of files and of the API are one set; a change touches nothing else."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.databases import sqlite_url
from tests.platform.books import Books, open_books
from voipbin_sip.platform.flow_book import FlowRefused, with_ids
from voipbin_sip.resources.catalogue import Declared
from voipbin_sip.resources.kinds.flow import FlowResource

ANSWER: list[Mapping[str, Any]] = [{"type": "answer"}]


@pytest.fixture
def sqlite(newest_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(newest_sqlite, tmp_path / "test.db")
    return sqlite_url(tmp_path / "test.db")


@pytest.fixture
async def books(sqlite: str) -> AsyncIterator[Books]:
    async with open_books(sqlite) as books:
        yield books


async def make(books: Books, name: str, actions: list[Mapping[str, Any]] = ANSWER) -> FlowResource:
    return await books.setup.add(FlowResource(name=name, actions=with_ids(actions)), "flow_created")


async def test_a_flow_is_found_by_name_and_by_id(books: Books) -> None:
    made = await make(books, "hello")
    by_name = books.flows.flows.get("hello")
    assert by_name is not None
    assert by_name is books.flows.flows.get(str(made.id)) is books.flows.flows.get(str(made.id).upper())
    assert not by_name.trusted


async def test_a_change_compiles_only_what_changed_and_old_sets_stay_as_they_were(books: Books) -> None:
    first, second = await make(books, "first"), await make(books, "second")
    before = books.flows.flows
    old, other = before.get("first"), before.get("second")
    await books.setup.change(FlowResource, first.id, "flow_updated", actions=with_ids([{"type": "stop"}]))
    after = books.flows.flows
    assert before.get("first") is old
    assert after.get("second") is other
    changed = after.get("first")
    assert changed is not None
    assert [action.type for action in changed.actions] == ["stop"]
    await books.catalogue.delete(FlowResource, second.id)
    assert books.flows.flows.get("second") is None
    assert after.get("second") is other


async def test_who_has_a_name_first_keeps_it_and_nobody_takes_an_id(books: Books, tmp_path: Path) -> None:
    books.declare(tmp_path)
    older = await make(books, "hello")
    newer = await make(books, "hello")
    await make(books, "menu")
    await make(books, str(older.id))
    flows = books.flows.flows
    found = {name: flows.get(name) for name in ("hello", "menu", str(older.id), str(newer.id))}
    assert {name: flow.uuid for name, flow in found.items() if flow is not None} == {
        "hello": older.id,
        "menu": books.flows.flows.get("menu").uuid,  # type: ignore[union-attr]
        str(older.id): older.id,
        str(newer.id): newer.id,
    }
    assert found["menu"] is not None and found["menu"].trusted


async def test_a_flow_of_a_file_is_shown_with_ids_in_the_place_of_names(books: Books, tmp_path: Path) -> None:
    loaded = books.declare(tmp_path)
    menu, after = loaded.flows.get("menu"), loaded.flows.get("after")
    assert menu is not None and after is not None
    shown = books.catalogue.get(FlowResource, menu.uuid)
    ids = [action["id"] for action in shown.actions]
    assert ids == [str(action.uuid) for action in menu.actions]
    assert shown.actions[1]["option"] == {"target_ids": {"1": ids[2]}, "default_target_id": ids[0]}
    assert shown.actions[2]["option"] == {"flow_id": str(after.uuid)}
    assert shown.actions[2]["next_id"] == ids[3]
    assert shown.actions[0]["next_id"] == str(UUID(int=0))
    assert shown.on_complete_flow_id == after.uuid
    assert menu.actions[1].option["default_target_id"] == "ask"  # the flow itself is as it was
    with pytest.raises(Declared, match=r"menu\.yaml:2"):
        await books.setup.change(FlowResource, menu.uuid, "flow_updated", name="other")
    with pytest.raises(Declared):
        await books.catalogue.delete(FlowResource, menu.uuid)


async def test_the_ids_of_shown_actions_are_the_same_after_a_restart(database: str, tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        async with open_books(database) as books:
            books.declare(tmp_path)
            seen.append([flow.public() for flow in books.catalogue.all(FlowResource)])
    assert seen[0] == seen[1]


async def test_a_flow_with_faults_is_refused_and_all_are_told(books: Books) -> None:
    with pytest.raises(FlowRefused) as refused:
        await make(books, "wrong", [{"type": "anwser"}, {"type": "talk", "option": {"txt": "hi"}}])
    assert refused.value.unknown_type
    assert [finding.message for finding in refused.value.findings] == [
        "actions.0.type: 'anwser' is an unknown action type; did you mean 'answer'?",
        "actions.1.option: 'text' is missing",
        "actions.1.option.txt: 'txt' is an unknown key; did you mean 'text'?",
    ]
    assert len(books.flows.flows) == 0
    with pytest.raises(FlowRefused) as dangling:
        await make(books, "wrong", [{"type": "goto", "option": {"target_id": "nowhere"}}])
    assert not dangling.value.unknown_type


def test_missing_ids_are_made_inside_of_calls_too() -> None:
    word, zero = "menu", str(UUID(int=0))
    call = {"type": "call", "option": {"actions": [{"id": zero, "type": "answer"}, {"type": "stop"}]}}
    kept = with_ids([{"id": word, "type": "answer", "tm_execute": "x"}, {"id": "", "type": "stop"}, call])
    assert kept[0] == {"id": word, "next_id": zero, "type": "answer", "option": {}}
    inner = kept[2]["option"]["actions"]
    made = [kept[1]["id"], kept[2]["id"], inner[0]["id"], inner[1]["id"]]
    assert len({UUID(id_) for id_ in made} | {UUID(int=0)}) == 5


async def test_a_stored_flow_that_is_no_good_any_more_is_passed_over(books: Books) -> None:
    bad = FlowResource(name="bad", actions=[{"type": "of another version"}])
    await books.catalogue.create(bad)
    good = await make(books, "good")
    assert books.flows.flows.get("bad") is None
    assert books.flows.find(good.id) is not None
    assert books.catalogue.get(FlowResource, bad.id).name == "bad"
