"""The first screen: a line about the server, the table of calls, a line about the selected one, the keys."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from voipbin_sip.printable import clean
from voipbin_sip.terminal.columns import BY_NAME, Sight
from voipbin_sip.terminal.lines import KeysLine, Line, nothing_line, selected_line, server_line
from voipbin_sip.terminal.listing import Listing
from voipbin_sip.terminal.live import Live
from voipbin_sip.terminal.table import CallTable

KEYS = "Enter page  h hang up  / filter  s sort  e ended  c copy id  ? keys  q quit"
ORDERS = (None, "time", "from", "to", "status", "step", "with", "mos", "loss")


class TableScreen(Screen[None]):
    """The table of calls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Taken by the application itself, so that what is typed in the same burst goes into the filter already.
        Binding("slash", "filter", "filter", show=False, priority=True),
        Binding("escape", "clear", "clear the filter", show=False),
        Binding("s", "sort", "sort", show=False),
        Binding("S", "turn", "turn the order", show=False),
        Binding("e", "ended", "ended calls", show=False),
        Binding("c", "copy", "copy the id", show=False),
        Binding("h", "hang_up", "hang up", show=False),
    ]
    DEFAULT_CSS = """
    TableScreen { layout: vertical; }
    TableScreen > Input { display: none; background: ansi_default; }
    """

    class HangUp(Message):
        """The selected call is to be hung up."""

        def __init__(self, call_id: str) -> None:
            super().__init__()
            self.call_id = call_id

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    def compose(self) -> ComposeResult:
        """Put the parts in their order."""
        yield Line(id="server")
        yield CallTable(self._sight())
        yield Line(id="selected")
        yield KeysLine(KEYS)
        yield Input(
            id="filter", placeholder="words that a line must have; Enter keeps, Escape clears", compact=True
        )

    @property
    def table(self) -> CallTable:
        """The table."""
        return self.query_one(CallTable)

    @property
    def listing(self) -> Listing:
        """Its lines."""
        return self.table.listing

    def on_mount(self) -> None:
        """Begin with the table under the keys."""
        self.table.focus()
        self.look()

    def look(self) -> None:
        """Show what is known now."""
        self.table.look(self._sight())
        self.query_one("#server", Line).show(
            server_line(self._live.server, len(self._live.board.running), self._filter())
        )

    def say(self, text: str) -> None:
        """Show a message for a while."""
        self.query_one(KeysLine).say(text)

    def _sight(self) -> Sight:
        return Sight(self._live.board, self._live.server.now)

    def _filter(self) -> str:
        listing = self.listing
        if not listing.words:
            return ""
        return f"filter “{' '.join(listing.words)}”: {len(listing.rows)}"

    def on_call_table_moved(self) -> None:
        """Show the selected call."""
        self._show_selected()

    def _show_selected(self) -> None:
        line = self.query_one("#selected", Line)
        row, trouble = self.table.row, self._live.server.trouble
        if trouble:
            line.show(Text(clean(trouble)))
        elif row is not None:
            line.show(selected_line(row, self._sight(), self.listing.position))
        else:
            line.show(nothing_line(filtered=bool(self.listing.words)))

    # Keys

    def action_filter(self) -> None:
        """Begin to type a filter."""
        self.query_one(KeysLine).display = False
        typed = self.query_one(Input)
        typed.display = True
        self.set_focus(typed)  # at once: what is typed next is meant for it

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave a slash within the filter to the filter."""
        return not (action == "filter" and isinstance(self.focused, Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while somebody types."""
        self.listing.words = tuple(event.value.casefold().split())
        self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        self._leave_filter()

    def action_clear(self) -> None:
        """Show all calls again."""
        self.query_one(Input).value = ""
        self.listing.words = ()
        self._leave_filter()
        self.look()

    def _leave_filter(self) -> None:
        self.query_one(Input).display = False
        self.query_one(KeysLine).display = True
        self.table.focus()

    def action_sort(self) -> None:
        """Sort by the next column."""
        listing = self.listing
        now = listing.sorted_by.name if listing.sorted_by is not None else None
        name = ORDERS[(ORDERS.index(now) + 1) % len(ORDERS)]
        listing.sorted_by, listing.turned = (BY_NAME[name] if name is not None else None), False
        self.say(
            f"sorted by {BY_NAME[name].title.strip()}; S turns it around"
            if name is not None
            else "the newest first"
        )
        self.look()

    def action_turn(self) -> None:
        """Turn the order around."""
        self.listing.turned = not self.listing.turned
        self.look()

    def action_ended(self) -> None:
        """Show the calls that are over, or not any more."""
        self.listing.show_ended = not self.listing.show_ended
        self.look()

    def action_copy(self) -> None:
        """Copy the id of the selected call, where the terminal lets programs do so."""
        if self.listing.selected:
            self.app.copy_to_clipboard(self.listing.selected)
            self.say(f"copied: {self.listing.selected}")

    def action_hang_up(self) -> None:
        """Hang up the selected call."""
        self.post_message(self.HangUp(self.listing.selected))
