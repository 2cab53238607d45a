"""The keys of the table, with a thousand calls on the board and no server in reach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.terminal.test_app_listing import live, over
from voipbin_sip.terminal.app import CallsApp
from voipbin_sip.terminal.fetch import Api, ApiFault
from voipbin_sip.terminal.lines import KeysLine, Line
from voipbin_sip.terminal.screens_asking import KeysScreen, QuestionScreen

CALLS = 1000


def nobody() -> Api:
    raise ApiFault("no server runs with voipbin.yaml; start it: voipbin-sip serve --config voipbin.yaml")


@asynccontextmanager
async def table(size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[CallsApp, Pilot[None]]]:
    """Show calls c0000 (the newest) to c0999, of which each hundredth sounds badly, and one that is over."""
    app = CallsApp(nobody)
    bad = {"heard": 250, "heard_lost": 9.0, "heard_mos": 2.0}
    app.live.board.measure(
        [
            live(f"c{number:04}", -number, **({} if number % 100 else {"recent": bad}))
            for number in range(CALLS)
        ]
    )
    app.live.board.take(over("over"))
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.3)
        yield app, pilot


async def test_moving() -> None:
    async with table() as (app, pilot):
        listing = app.table_screen.listing
        for keys, selected in (
            ("down down", "c0002"), ("up", "c0001"), ("pagedown", "c0020"), ("end", "over"), ("up", "c0999"),
            ("pageup", "c0980"), ("home", "c0000"),
        ):  # fmt: skip
            await pilot.press(*keys.split())
            assert listing.selected == selected, keys
            at = next(at for at, line in enumerate(listing.lines) if getattr(line, "id", "") == selected)
            assert listing.top <= at < listing.top + listing.height, "it is in sight"


async def test_filter_order_and_what_is_over() -> None:
    async with table() as (app, pilot):
        listing = app.table_screen.listing
        await pilot.press("slash", *"bad", "enter")
        assert [row.id for row in listing.rows] == [f"c{number:04}" for number in range(0, CALLS, 100)]
        await pilot.press("s")
        assert listing.rows[0].id == "c0900", "the longest first"
        await pilot.press("S")
        assert listing.rows[0].id == "c0000"
        await pilot.press("escape")
        assert len(listing.rows) == CALLS + 1
        await pilot.press("e")
        assert len(listing.rows) == CALLS


async def test_what_is_typed_in_one_burst_with_the_slash_is_in_the_filter() -> None:
    async with table() as (app, pilot):
        for character in "/c09/":  # nobody waits between them; a slash in the filter is a slash
            app.post_message(Key("slash" if character == "/" else character, character))
        await pilot.pause(0.2)
        assert app.table_screen.query_one(Input).value == "c09/"
        await pilot.press("backspace")
        assert len(app.table_screen.listing.rows) == 100


async def test_what_cannot_be_done_without_a_server_is_said() -> None:
    async with table() as (app, pilot):
        await pilot.press("h")
        await pilot.pause()
        assert isinstance(app.screen, QuestionScreen)
        await pilot.press("y")
        await pilot.pause(0.1)
        said = str(app.table_screen.query_one(KeysLine).content)
        assert said == "not hung up: there is no connection to the server"
        assert "voipbin-sip serve --config" in str(app.table_screen.query_one("#selected", Line).content)
        await pilot.press("down", "enter")
        await pilot.pause(0.1)
        assert "no connection" in str(app.screen.query_one("#head").render())
        await pilot.press("escape", "question_mark")
        await pilot.pause()
        assert isinstance(app.screen, KeysScreen)


async def test_the_picture_loads_nothing() -> None:
    async with table(size=(200, 50)) as (app, _):
        drawn = app.picture()
        assert "c0000@example.com" in drawn.replace("&#160;", " ")
        assert "url(" not in drawn.replace("url(#", "")
        assert "@font-face" not in drawn


async def test_what_callers_and_servers_say_steers_no_terminal() -> None:
    evil = "\x1b]0;mine\x07[red]\u202e"
    async with table(size=(160, 24)) as (app, pilot):
        app.live.server.trouble, app.live.server.version = "", evil
        app.live.server.status, app.live.server.faults = "degraded", {"mail": evil}
        app.live.board.measure([live("evil", 60, source={"type": "sip", "target": evil}, at=evil)], anew=True)
        app._note()
        await pilot.pause(0.3)
        await pilot.press("home", "h")
        await pilot.pause(0.2)
        for screen in app.screen_stack:
            for part in (*screen.query(Line), *screen.query(Static)):
                assert not set("\x1b\x07\u202e") & set(str(part.render())), part
        assert isinstance(app.screen, QuestionScreen)
        assert "[red]" in str(app.screen.query_one(Static).render())
