"""`voipbin-sip calls` in a terminal: the table of calls, the page of one, hanging up.

Made for a slow line at night: nothing moves, only what has changed is sent, at most ten times a second; the colours are
those of the terminal, and everything is said without them too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from voipbin_sip.terminal.fetch import Api, ApiFault
from voipbin_sip.terminal.live import Live
from voipbin_sip.terminal.screens import TableScreen
from voipbin_sip.terminal.screens_asking import KeysScreen, QuestionScreen
from voipbin_sip.terminal.screens_page import PageScreen
from voipbin_sip.terminal.screens_refused import RefusedScreen
from voipbin_sip.terminal.table import CallTable

LOOK_SECONDS = 0.1  # between two looks at what has changed
END_SECONDS = 3.0  # that the end of a call, which was hung up, may take


class CallsApp(App[None]):
    """The application.

    Args:
        find: returns a client of the server as it is now; raises ApiFault.
    """

    TITLE = "voipbin-sip calls"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit", show=False),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True),
        Binding("question_mark", "keys", "keys", show=False),
    ]
    CSS = """
    TableScreen, PageScreen { background: ansi_default; color: ansi_default; }
    """

    def __init__(self, find: Callable[[], Api]) -> None:
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self.live = Live(find, self._note)
        self._changed = True
        self.table_screen = TableScreen(self.live)

    async def on_mount(self) -> None:
        """Begin to follow the server."""
        await self.push_screen(self.table_screen)
        self.run_worker(self.live.run(), name="live")
        self.set_interval(LOOK_SECONDS, self._look)
        self.set_interval(1.0, self._note)  # durations

    def _note(self) -> None:
        self._changed = True

    def _look(self) -> None:
        if self._changed and self.screen is self.table_screen:
            self._changed = False
            self.table_screen.look()

    def picture(self) -> str:
        """Return what is shown, as an SVG that loads nothing from anywhere."""
        drawn = self.export_screenshot(title="voipbin-sip calls")
        return re.sub(r"@font-face\s*\{[^}]*\}\s*", "", drawn).replace("Fira Code, monospace", "monospace")

    def action_keys(self) -> None:
        """Show the keys."""
        self.push_screen(KeysScreen())

    def on_call_table_chosen(self, message: CallTable.Chosen) -> None:
        """Show the page of a call, or of an attempt that became none."""
        row = self.live.board.get(message.call_id)
        if row is not None and row.attempt:
            self.push_screen(RefusedScreen(self.live, message.call_id))
            return
        self.push_screen(PageScreen(self.live, message.call_id))

    def on_page_screen_hang_up(self, message: PageScreen.HangUp) -> None:
        """Hang up the call of the page."""
        self.ask_to_hang_up(message.call_id)

    def on_table_screen_hang_up(self, message: TableScreen.HangUp) -> None:
        """Hang up the selected call."""
        if message.call_id:
            self.ask_to_hang_up(message.call_id)

    def ask_to_hang_up(self, call_id: str) -> None:
        """Hang a call up, if that is meant."""
        row = self.live.board.get(call_id)
        if row is None or row.over:
            self.say("the call is over already")
            return
        question = f"Hang up {row.source} → {row.destination}?"

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._hang_up(call_id), name="hang up")

        self.push_screen(QuestionScreen(question, "hang up", "leave it"), answered)

    async def _hang_up(self, call_id: str) -> None:
        if (api := self.live.api) is None:
            self.say("not hung up: there is no connection to the server")
            return
        try:
            await api.ask("POST", f"/calls/{call_id}/hangup")
        except ApiFault as fault:
            self.say(f"not hung up: {fault}")
            return
        self.say("the server hangs up …")
        row = self.live.board.get(call_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                while row is not None and not row.over:
                    await self.live.moves(call_id)
        if row is not None and row.over:
            self.say(f"hung up {row.source} → {row.destination}: {row.why}")
        else:
            self.say("the server is hanging up; the phone has not answered yet")

    def say(self, text: str) -> None:
        """Show a message for a while."""
        screen = self.screen if isinstance(self.screen, PageScreen) else self.table_screen
        screen.say(text)
