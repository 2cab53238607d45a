"""The routes that tell what a call did, without phones: who may ask, what is found, what belongs together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.test_calls import NOBODY, Desk, desk_of
from tests.platform.office import rest


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(database, tmp_path) as opened:
        yield opened


async def test_the_story_of_a_call_has_its_steps_digits_and_legs(desk: Desk) -> None:
    session = await desk.office.call_in("1", "connects")
    session.answer()
    await rest()
    await desk.office.press("1", "5")
    desk.office.end("2")
    await rest()
    story = await desk.ok("GET", f"/timelines/calls/{session.call.id}/story")
    assert story["flow"] == "connects"
    assert [(leg["relation"], leg["call"]["destination"]["target"]) for leg in story["legs"]] == [
        ("placed for it", "2")
    ]
    (step,) = story["steps"]
    assert (step["step"], step["type"], step["outcome"]) == ("to", "connect", "done")
    assert step["values"]["voipbin.connect.result"] == "busy"
    assert [digit["digit"] for digit in story["digits"]] == ["5"]
    leg = await desk.ok("GET", f"/timelines/calls/{story['legs'][0]['call']['id']}/story")
    assert [(other["relation"], other["call"]["id"]) for other in leg["legs"]] == [
        ("it was placed for", str(session.call.id))
    ]
    assert leg["steps"] == leg["digits"] == []


async def test_a_running_call_says_where_it_is(desk: Desk) -> None:
    session = await desk.office.call_in("1", "waits")
    session.answer()
    await rest()
    (row,) = (await desk.ok("GET", "/timelines/calls-live"))["result"]
    assert (row["id"], row["status"], row["flow"], row["step"], row["type"]) == (
        str(session.call.id),
        "progressing",
        "waits",
        "first",
        "sleep",
    )
    story = await desk.ok("GET", f"/timelines/calls/{session.call.id}/story")
    assert story["live"] == [row]
    desk.office.end("1")
    await rest()
    assert (await desk.ok("GET", "/timelines/calls-live"))["result"] == []
    assert (await desk.ok("GET", f"/timelines/calls/{session.call.id}/story"))["live"] == []


async def test_calls_are_found_by_the_beginning_of_their_id(desk: Desk) -> None:
    sessions = [await desk.office.call_in(name, "waits") for name in ("1", "2")]
    for session in sessions:
        id_ = str(session.call.id)
        for start in (id_[:8], id_[:13].upper(), id_):
            found = await desk.ok("GET", f"/timelines/calls-found?name={start}")
            assert [call["id"] for call in found["result"]] == [id_]
    assert (await desk.ok("GET", f"/timelines/calls-found?name={NOBODY}"))["result"] == []
    for odd in ("0000%00", "%25%25%25%25", "call-id@192.0.2.7", "%ff%fe%fd%fc"):
        assert (await desk.ok("GET", f"/timelines/calls-found?name={odd}"))["result"] == []
    assert (await desk.refused("GET", "/timelines/calls-found?name=abc"))[0] == 400
    assert (await desk.refused("GET", "/timelines/calls-found"))[0] == 400


@pytest.mark.parametrize(
    "path", [f"calls/{NOBODY}/story", f"calls/{NOBODY}/quality"], ids=["story", "quality"]
)
async def test_calls_that_there_are_not(desk: Desk, path: str) -> None:
    assert await desk.refused("GET", f"/timelines/{path}") == (404, "CALL_NOT_FOUND")


async def test_who_has_no_key_is_told_nothing(desk: Desk) -> None:
    session = await desk.office.call_in("1", "waits")
    for path in ("calls-live", "calls-found?name=0000", f"calls/{session.call.id}/story"):
        status, _ = await desk.api.ask("GET", f"/timelines/{path}", params={})
        assert status == 401
