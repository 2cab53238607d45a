"""The table of calls on the screen, drawn by itself, of which only what has changed is sent.

One line is one call. Each second that a caller talks costs some hundred bytes: the line up to its duration.
"""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from voipbin_sip.printable import clean
from voipbin_sip.terminal.board import Row
from voipbin_sip.terminal.columns import DIM, GAP, Cell, Place, Sight, lay_out
from voipbin_sip.terminal.listing import Listing

Drawn = tuple[tuple[tuple[str, Style], ...], bool]  # the cells of a line, and whether it is selected
_TITLES = Style(bold=True, underline=True)
_SELECTED = Style(reverse=True)


class CallTable(Widget, can_focus=True):
    """The calls that go on, and below them those that are over.

    Attributes:
        listing: its lines.
        sight: what they are made from.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown,space", "page(1)", "page down", show=False),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
        Binding("enter", "choose", "page", show=False),
    ]
    DEFAULT_CSS = "CallTable { height: 1fr; }"

    class Chosen(Message):
        """The page of a call is wanted."""

        def __init__(self, call_id: str) -> None:
            super().__init__()
            self.call_id = call_id

    class Moved(Message):
        """Another call is selected, or something of the selected one has changed."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight
        self.listing = Listing()
        self._places: tuple[Place, ...] = ()
        self._drawn: dict[int, Drawn] = {}  # what each line of the screen shows

    @property
    def row(self) -> Row | None:
        """The selected call."""
        return self.sight.board.get(self.listing.selected)

    def look(self, sight: Sight) -> None:
        """Show a newer state."""
        self.sight = sight
        self.listing.arrange(sight)
        self._show()

    def _show(self) -> None:
        """Have those parts drawn that differ from what the screen shows."""
        for y in range(self.size.height):
            now, before = self._cells(y), self._drawn.get(y)
            if now == before:
                continue
            if before is None or now[1] != before[1] or len(now[0]) != len(before[0]):
                self.refresh(Region(0, y, self.size.width, 1))
                continue
            changed = [
                place for place, new, old in zip(self._places, now[0], before[0], strict=True) if new != old
            ]
            first, last = changed[0], changed[-1]
            self.refresh(Region(first.at, y, last.at + last.width + GAP - first.at, 1))
        self.post_message(self.Moved())

    # Keys and mouse

    def action_move(self, step: int) -> None:
        """Select another line."""
        self.listing.move(step)
        self._show()

    def action_page(self, step: int) -> None:
        """Select a line a screen away."""
        self.action_move(step * max(1, self.listing.height - 1))

    def action_first(self) -> None:
        """Select the first line, and follow new calls."""
        self.listing.first()
        self._show()

    def action_last(self) -> None:
        """Select the last line."""
        self.listing.last()
        self._show()

    def action_choose(self) -> None:
        """Ask for the page of the selected call."""
        if self.listing.selected:
            self.post_message(self.Chosen(self.listing.selected))

    def on_click(self, event: events.Click) -> None:
        """Select a line by the mouse; a click on the selected one asks for its page."""
        if event.y > 0 and self.listing.select_line(self.listing.top + event.y - 1):
            self.action_choose()
        self._show()

    def on_mouse_scroll_down(self) -> None:
        """Move by the wheel."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """Move by the wheel."""
        self.action_move(-1)

    # Drawing

    def on_resize(self, event: events.Resize) -> None:
        """Lay the columns out anew."""
        self._places = lay_out(event.size.width)
        self.listing.height = max(1, event.size.height - 1)
        self.listing.keep_in_sight()
        self._drawn.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen."""
        cells, selected = self._drawn[y] = self._cells(y)
        base = self.rich_style + _SELECTED if selected else self.rich_style
        segments, at = [], 0
        for place, (text, style) in zip(self._places, cells, strict=True):
            if place.at > at:
                segments.append(Segment(" " * (place.at - at), base))
            segments.append(Segment(text, base if selected else base + style))
            at = place.at + cell_len(text)
        return (
            Strip(segments, at).adjust_cell_length(self.size.width, base).simplify()
        )  # fewer escape sequences

    def _cells(self, y: int) -> Drawn:
        at = self.listing.top + y - 1
        if y == 0:
            return tuple((self._title(place), _TITLES) for place in self._places), False
        if at >= len(self.listing.lines):
            return tuple(("", Style()) for _ in self._places), False
        line = self.listing.lines[at]
        if isinstance(line, str):
            return self._heading(line), False
        cells = tuple(_drawn(place, place.column.cell(line, self.sight)) for place in self._places)
        return cells, line.id == self.listing.selected

    def _title(self, place: Place) -> str:
        column, listing = place.column, self.listing
        mark = ""
        if column is listing.sorted_by:
            mark = "↓" if column.falling != listing.turned else "↑"
        title = column.title[: place.width - len(mark)].rstrip() + mark if mark else column.title
        return title.rjust(place.width) if column.right else title.ljust(place.width)

    def _heading(self, text: str) -> tuple[tuple[str, Style], ...]:
        whole = f"── {text} ".ljust(self.size.width, "─")
        return tuple((whole[place.at : place.at + place.width + GAP], DIM) for place in self._places)


def _drawn(place: Place, cell: Cell) -> tuple[str, Style]:
    return fitted(cell.text, place.width, right=place.column.right), cell.style


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Return a text as wide as a column; … stands for what is left out."""
    text = clean(text)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if right else text + " " * (width - length)
