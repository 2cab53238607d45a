"""The page of a refused attempt, over the table of calls."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from voipbin_sip.terminal.fetch import ApiFault
from voipbin_sip.terminal.lines import KeysLine
from voipbin_sip.terminal.live import Live
from voipbin_sip.terminal.refused import fetch_refused
from voipbin_sip.terminal.refused_page import refused_page

KEYS = "Escape back  ↑ ↓ scroll  c copy SIP Call-ID  ? keys  q quit"


class RefusedScreen(Screen[None]):
    """One refused attempt, as it was when the page was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "back", show=False),
        Binding("c", "copy", "copy", show=False),
    ]
    DEFAULT_CSS = """
    RefusedScreen { background: ansi_default; color: ansi_default; }
    RefusedScreen > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    RefusedScreen > VerticalScroll > Static { height: auto; }
    """

    def __init__(self, live: Live, attempt_id: str) -> None:
        super().__init__()
        self._live = live
        self._attempt_id = attempt_id
        self._sip_call_id = ""

    def compose(self) -> ComposeResult:
        """Put the parts in their order."""
        with VerticalScroll():
            yield Static(Text("looking …"), id="content")
        yield KeysLine(KEYS)

    def on_mount(self) -> None:
        """Begin to fetch."""
        self.query_one(VerticalScroll).focus()
        self.run_worker(self._fetch(), name="refused")

    async def _fetch(self) -> None:
        content = self.query_one("#content", Static)
        if (api := self._live.api) is None:
            content.update(Text("no connection to the server", style="bold"))
            return
        try:
            story = await fetch_refused(api, self._attempt_id)
        except ApiFault as fault:
            content.update(Text(str(fault), style="bold"))
            return
        self._sip_call_id = story.attempt.sip_call_id
        content.update(refused_page(story, show_sip=True))

    def action_back(self) -> None:
        """Go back to the table."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the SIP Call-ID, where the terminal lets programs do so."""
        self.app.copy_to_clipboard(self._sip_call_id)
        self.query_one(KeysLine).say(f"copied: {self._sip_call_id}")
