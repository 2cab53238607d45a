"""The page of a call: why it ended or what it does, and in tabs its steps, variables, sound and SIP.

It is fetched anew when something has come of the call, and every few seconds while the call goes on; what is read stays
where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from voipbin_sip.terminal import page
from voipbin_sip.terminal.fetch import ApiFault
from voipbin_sip.terminal.finding import NoSuchCall, fetch_story
from voipbin_sip.terminal.lines import KeysLine, Line
from voipbin_sip.terminal.live import Live
from voipbin_sip.terminal.story import CallStory

KEYS = "Escape back  ← → 1–5 tabs  ↑ ↓ scroll  h hang up  c copy id  ? keys  q quit"
MOST_OFTEN = 1.5  # seconds between two fetches
LEAST_OFTEN = 5.0  # while the call goes on


def _steps(story: CallStory) -> RenderableType | None:
    return _titled(
        {
            "What to do": page.to_do(story),
            "": page.steps(story),
            "Digits": page.digits(story),
            "Other legs of this call": page.legs(story),
            "Recordings": page.recordings(story),
        }
    )


def _titled(parts: Mapping[str, RenderableType | None]) -> RenderableType | None:
    shown: list[RenderableType] = []
    for title, part in parts.items():
        if part is not None:
            gap = "\n" if shown else ""
            shown += [Text(f"{gap}{title}", style="bold"), part] if title or gap else [part]
    return Group(*shown) if shown else None


TABS: Mapping[str, tuple[Callable[[CallStory], RenderableType | None], str]] = {
    "Steps": (_steps, "no step was taken yet"),
    "Variables": (page.variables, "no step has set a variable yet"),
    "Sound": (page.quality, "nothing is known of the sound yet"),
    "SIP": (page.ladder, "there are no messages"),
    "Messages": (page.messages, "there are no messages"),
}


class PageScreen(Screen[None]):
    """One call."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "back", show=False),
        Binding("left", "tab(-1)", "tab to the left", show=False),
        Binding("right,tab", "tab(1)", "tab to the right", show=False),
        *(
            Binding(str(number), f"nth_tab({number - 1})", name, show=False)
            for number, name in enumerate(TABS, 1)
        ),
        Binding("h", "hang_up", "hang up", show=False),
        Binding("c", "copy", "copy the id", show=False),
    ]
    DEFAULT_CSS = """
    PageScreen > #head { height: auto; max-height: 8; }
    PageScreen > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    PageScreen > VerticalScroll > Static { height: auto; }
    """

    class HangUp(Message):
        """The call is to be hung up."""

        def __init__(self, call_id: str) -> None:
            super().__init__()
            self.call_id = call_id

    def __init__(self, live: Live, call_id: str) -> None:
        super().__init__()
        self._live = live
        self._call_id = call_id
        self._tab = 0
        self._story: CallStory | None = None

    def compose(self) -> ComposeResult:
        """Put the parts in their order."""
        yield Static(Text("looking …"), id="head")
        yield Line(id="tabs")
        with VerticalScroll():
            yield Static(id="content")
        yield KeysLine(KEYS)

    def on_mount(self) -> None:
        """Begin to fetch."""
        self._show_tabs()
        self.query_one(VerticalScroll).focus()
        self.run_worker(self._keep_fetching(), name="page")

    async def _keep_fetching(self) -> None:
        while True:
            await self._fetch()
            await asyncio.sleep(self._rest())
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAST_OFTEN if self._goes_on() else None):
                    await self._live.moves(self._call_id)

    def _rest(self) -> float:
        """Return how long to leave the API alone: each leg costs two requests, and programs share the rate."""
        legs = len(self._story.legs) if self._story is not None else 0
        return min(MOST_OFTEN * (1 + legs), LEAST_OFTEN * 2)

    def _goes_on(self) -> bool:
        return self._story is None or self._story.call.goes_on

    async def _fetch(self) -> None:
        if (api := self._live.api) is None:
            return self._complain("no connection to the server; this is what was known of the call")
        try:
            story = await fetch_story(api, self._call_id)
        except (NoSuchCall, ApiFault) as fault:
            return self._complain(str(fault))
        if story != self._story:
            self._story = story
            self.query_one("#head", Static).update(page.head(story))
            self._show_content()
        self._show_tabs()
        return None

    def _complain(self, why: str) -> None:
        if self._story is None:
            self.query_one("#head", Static).update(Text(why, style="bold"))
        else:
            self._show_tabs(why)

    def _show_tabs(self, trouble: str = "") -> None:
        line = Text()
        for number, name in enumerate(TABS):
            line.append(f" {number + 1} {name} ", "reverse" if number == self._tab else "")
            line.append(" ")
        line.append(trouble, "bold red")
        self.query_one("#tabs", Line).show(line)

    def _show_content(self) -> None:
        if self._story is None:
            return
        section, nothing = [*TABS.values()][self._tab]
        scroll = self.query_one(VerticalScroll)
        at_end = scroll.max_scroll_y > 0 and scroll.is_vertical_scroll_end
        self.query_one("#content", Static).update(section(self._story) or Text(nothing, style="dim"))
        if at_end:
            scroll.scroll_end(animate=False)

    # Keys

    def action_tab(self, step: int) -> None:
        """Show the next tab, or the one before."""
        self.action_nth_tab((self._tab + step) % len(TABS))

    def action_nth_tab(self, number: int) -> None:
        """Show a tab."""
        self._tab = number
        self._show_tabs()
        self.query_one(VerticalScroll).scroll_home(animate=False)
        self._show_content()

    def action_back(self) -> None:
        """Go back to the table."""
        self.dismiss(None)

    def action_hang_up(self) -> None:
        """Hang the call up."""
        self.post_message(self.HangUp(self._call_id))

    def action_copy(self) -> None:
        """Copy the id of the call."""
        self.app.copy_to_clipboard(self._call_id)
        self.say(f"copied: {self._call_id}")

    def say(self, text: str) -> None:
        """Show a message for a while."""
        self.query_one(KeysLine).say(text)
