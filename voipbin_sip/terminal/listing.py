"""The lines of the table of calls: which there are, in which order, which one is selected, which ones are in sight.

A call that is selected stays so, and stays where it is on the screen, wherever its line moves to. Until somebody moves,
and after they went back to the first line, the first line is selected: the newest call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from voipbin_sip.terminal.board import Row
from voipbin_sip.terminal.columns import Column, Sight, in_order, matches

ENDED = "ended"  # the heading above calls that are over


@dataclass(slots=True)
class Listing:
    """The lines, and what they are to be.

    Attributes:
        sorted_by: a column, None: by their begin, or end.
        turned: whether the order is the other way round.
        words: what each line has to have in it, in small letters.
        show_ended: whether calls that are over are in it.
        selected: id of the selected call, "" where there is none.
        lines: calls and headings, the first one first.
        top: the first line in sight.
        height: how many lines are in sight.
    """

    sorted_by: Column | None = None
    turned: bool = False
    words: tuple[str, ...] = ()
    show_ended: bool = True
    selected: str = ""
    lines: list[Row | str] = field(default_factory=list)
    top: int = 0
    height: int = 1
    _at: dict[str, int] = field(default_factory=dict)  # lines, by the id of the call
    _following: bool = True

    @property
    def rows(self) -> Sequence[Row]:
        """The calls, from the first line to the last."""
        return [line for line in self.lines if isinstance(line, Row)]

    @property
    def position(self) -> str:
        """Where the selected call is: `3/120`."""
        ids = [*self._at]
        return f"{ids.index(self.selected) + 1}/{len(ids)}" if self.selected in self._at else ""

    def arrange(self, sight: Sight) -> None:
        """Make the lines anew."""
        before = self._at.get(self.selected)
        running = [row for row in sight.board.running.values() if matches(row, sight, self.words)]
        self.lines = [*in_order(running, self.sorted_by, sight, turned=self.turned)]
        if self.show_ended:
            ended = [row for row in sight.board.over if matches(row, sight, self.words)]
            if ended:
                self.lines += [ENDED, *in_order(ended, self.sorted_by, sight, turned=self.turned)]
        self._at = {line.id: at for at, line in enumerate(self.lines) if isinstance(line, Row)}
        self._select_again(before)

    def _select_again(self, before: int | None) -> None:
        if self._following:
            self.selected, self.top = next(iter(self._at), ""), 0
            return
        if self.selected not in self._at:  # gone: what has moved up to its place
            self.selected = self._nearest(before or 0, 1)
        elif before is not None:
            self.top += self._at[self.selected] - before
        self.keep_in_sight()

    def keep_in_sight(self) -> None:
        """Move what is in sight as little as it takes to have the selected call in it."""
        at = self._at.get(self.selected, 0)
        self.top = max(at - self.height + 1, min(self.top, at))
        self.top = max(0, min(self.top, len(self.lines) - self.height))

    def move(self, step: int) -> None:
        """Select the call some lines further, or back."""
        self._go(self._at.get(self.selected, 0) + step, 1 if step > 0 else -1)

    def first(self) -> None:
        """Select the first call, and follow new ones."""
        self._go(0, 1)
        self._following = True

    def last(self) -> None:
        """Select the last call."""
        self._go(len(self.lines) - 1, -1)

    def select_line(self, at: int) -> bool:
        """Select the call in a line; returns whether it was selected before."""
        before = self.selected
        if 0 <= at < len(self.lines) and isinstance(self.lines[at], Row):
            self._go(at, 1)
            return self.selected == before
        return False

    def _go(self, at: int, step: int) -> None:
        self._following = False
        self.selected = self._nearest(at, step)
        self.keep_in_sight()

    def _nearest(self, at: int, step: int) -> str:
        """Return the call in a line; in that of a heading, the next one in the direction of `step`."""
        at = max(0, min(at, len(self.lines) - 1))
        for position in (at, at + step, at - step):
            if 0 <= position < len(self.lines) and isinstance(line := self.lines[position], Row):
                return line.id
        return next(iter(self._at), "")
