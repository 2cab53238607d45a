"""The table of calls on the screen: a list of lines drawn by itself, of which only what has changed is sent.

One line is one call. A call that is selected stays so, wherever its line moves to; until somebody moves, the first line
is. Over a slow line a second of thirty talking callers costs their thirty durations, not the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from voipbin_sip.terminal.board import Row
from voipbin_sip.terminal.columns import (
    DIM,
    GAP,
    Cell,
    Column,
    Place,
    Sight,
    clean,
    in_order,
    lay_out,
    matches,
)

Drawn = tuple[tuple[tuple[str, Style], ...], bool]  # the cells of a line, and whether it is selected
ENDED = "ended"  # heading
_TITLES = Style(bold=True, underline=True)
_SELECTED = Style(reverse=True)


class CallTable(ScrollView, can_focus=True):
    """The calls that go on, and below them those that are over.

    Attributes:
        selected: id of the selected call, "" where there is none.
        sorted_by: a column, None: by their begin.
        turned: whether the order is the other way round.
        words: what each line has to have in it, in small letters.
        show_ended: whether calls that are over are shown.
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
    DEFAULT_CSS = "CallTable { height: 1fr; scrollbar-size: 0 0; }"

    class Chosen(Message):
        """The page of a call is wanted."""

        def __init__(self, call_id: str) -> None:
            super().__init__()
            self.call_id = call_id

    class Moved(Message):
        """Another call is selected, or something of the selected one has changed."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.selected = ""
        self.sorted_by: Column | None = None
        self.turned = False
        self.words: tuple[str, ...] = ()
        self.show_ended = True
        self._sight = sight
        self._places: tuple[Place, ...] = ()
        self._lines: list[Row | str] = []  # a text is a heading
        self._positions: dict[str, int] = {}  # lines, by the id of the call
        self._following = True  # nobody has moved: the first line is selected
        self._drawn: dict[int, Drawn] = {}  # what each line of the screen shows

    @property
    def rows(self) -> Sequence[Row]:
        """The calls in the table, from the first line to the last."""
        return [line for line in self._lines if isinstance(line, Row)]

    @property
    def row(self) -> Row | None:
        """The selected call."""
        return self._sight.board.get(self.selected)

    @property
    def position(self) -> str:
        """Where the selected call is: `3/120`."""
        ids = [*self._positions]
        return f"{ids.index(self.selected) + 1}/{len(ids)}" if self.selected in self._positions else ""

    def look(self, sight: Sight) -> None:
        """Show a newer state: put lines in order, keep the selected call in sight, draw what has changed."""
        before = self._positions.get(self.selected)
        self._sight = sight
        self._arrange()
        self._select_again(before)
        self.virtual_size = Size(self.size.width, len(self._lines) + 1)
        if not self._following:
            after = self._positions.get(self.selected)
            if before is not None and after is not None and before != after:
                self.scroll_to(y=self.scroll_offset.y + after - before, animate=False, force=True)
        self._draw()
        self.post_message(self.Moved())

    def _arrange(self) -> None:
        board, sight = self._sight.board, self._sight
        running = [row for row in board.running.values() if matches(row, sight, self.words)]
        lines: list[Row | str] = [*in_order(running, self.sorted_by, sight, turned=self.turned)]
        if self.show_ended:
            ended = [row for row in board.ended.values() if matches(row, sight, self.words)]
            if ended:
                lines += [ENDED, *in_order(ended, self.sorted_by, sight, turned=self.turned)]
        self._lines = lines
        self._positions = {line.id: at for at, line in enumerate(lines) if isinstance(line, Row)}

    def _select_again(self, before: int | None) -> None:
        if not self._positions:
            self.selected = ""
        elif self._following:
            self.selected = next(iter(self._positions))
        elif self.selected not in self._positions:  # gone: what has moved up to its place
            self.selected = self._nearest(before or 0, 1)

    def _nearest(self, at: int, step: int) -> str:
        """Return the call at a line, or the next one up or down."""
        at = max(0, min(at, len(self._lines) - 1))
        for position in (at, at + step, at - step):
            if 0 <= position < len(self._lines) and isinstance(line := self._lines[position], Row):
                return line.id
        return next(iter(self._positions), "")

    # Keys

    def action_move(self, step: int) -> None:
        """Select another line."""
        self._go(self._positions.get(self.selected, 0) + step, step)

    def action_page(self, step: int) -> None:
        """Select a line a screen away."""
        self._go(self._positions.get(self.selected, 0) + step * max(1, self.size.height - 2), step)

    def action_first(self) -> None:
        """Select the first line, and follow new calls again."""
        self._go(0, 1)
        self._following = True

    def action_last(self) -> None:
        """Select the last line."""
        self._go(len(self._lines) - 1, -1)

    def action_choose(self) -> None:
        """Ask for the page of the selected call."""
        if self.selected:
            self.post_message(self.Chosen(self.selected))

    def on_click(self, event: events.Click) -> None:
        """Select a line by the mouse; a second click asks for its page."""
        at = self.scroll_offset.y + event.y - 1
        if event.y == 0 or not 0 <= at < len(self._lines):
            return
        again = self._positions.get(self.selected) == at and event.chain > 1
        self._go(at, 1)
        if again:
            self.action_choose()

    def _go(self, at: int, step: int) -> None:
        if not self._positions:
            return
        self._following = False
        self.selected = self._nearest(at, 1 if step > 0 else -1)
        at = self._positions[self.selected]
        top, seen = self.scroll_offset.y, self.size.height - 1
        wanted = min(top, at) if at < top else max(top, at - seen + 1)
        if at == 1 or at == 0:
            wanted = 0
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)
        self._draw()
        self.post_message(self.Moved())

    # Drawing

    def on_resize(self, event: events.Resize) -> None:
        """Lay the columns out anew."""
        self._places = lay_out(event.size.width)
        self.virtual_size = Size(event.size.width, len(self._lines) + 1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line of the screen."""
        drawn = self._drawn[y] = self._cells(y)
        cells, selected = drawn
        base = self.rich_style
        segments, at = [], 0
        for place, (text, style) in zip(self._places, cells, strict=False):
            if place.at > at:
                segments.append(Segment(" " * (place.at - at), base + _SELECTED if selected else base))
            segments.append(Segment(text, base + style + _SELECTED if selected else base + style))
            at = place.at + cell_len(text)
        width = self.size.width
        return Strip(segments, at).adjust_cell_length(width, base + _SELECTED if selected else base)

    def _draw(self) -> None:
        """Have those parts drawn that differ from what the screen shows."""
        for y in range(self.size.height):
            now, before = self._cells(y), self._drawn.get(y)
            if now == before:
                continue
            if before is None or now[1] != before[1]:
                self.refresh(Region(0, y, self.size.width, 1))
                continue
            changed = [
                place for place, new, old in zip(self._places, now[0], before[0], strict=False) if new != old
            ]
            if changed:
                first, last = changed[0], changed[-1]
                self.refresh(Region(first.at, y, last.at + last.width - first.at, 1))

    def _cells(self, y: int) -> Drawn:
        if y == 0:
            return tuple((self._title(place), _TITLES) for place in self._places), False
        at = self.scroll_offset.y + y - 1
        if at >= len(self._lines):
            return tuple((" " * place.width, Style()) for place in self._places), False
        line = self._lines[at]
        if isinstance(line, str):
            return self._heading(line), False
        cells = tuple(_drawn(place, place.column.cell(line, self._sight)) for place in self._places)
        return cells, line.id == self.selected

    def _title(self, place: Place) -> str:
        column = place.column
        mark = "" if column is not self.sorted_by else "↓" if column.falling != self.turned else "↑"
        title = column.title[: place.width - len(mark)] + mark
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
