"""The columns of the table of calls: what each shows, how wide it is, how it sorts, and which fit into a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.style import Style

from voipbin_sip.terminal.board import BAD_LOSS, BAD_MOS, Board, Row

GAP = 1  # blank columns between two
STEP_WIDTH = 33  # reception.yaml:120 digits_receive
PLAIN = Style()
BAD = Style(color="red", bold=True)
GOOD = Style(color="green")
DIM = Style(dim=True)
REFUSED = Style(color="red", dim=True)
WAITING = Style(color="yellow")
_RINGING = frozenset({"dialing", "ringing"})


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of the table."""

    text: str
    style: Style = PLAIN


@dataclass(frozen=True, slots=True)
class Sight:
    """What cells are made from: the board and the time."""

    board: Board
    now: datetime


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        width: the least it needs.
        most: how wide it may grow where there is room.
        rank: which columns are left out first in a narrow terminal: those with the highest.
        key: by what it sorts; None is not known, and comes last.
        falling: whether the greatest comes first.
    """

    name: str
    title: str
    width: int
    most: int
    rank: int
    cell: Callable[[Row, Sight], Cell]
    key: Callable[[Row, Sight], Any]
    falling: bool = False
    right: bool = False


def duration(seconds: float) -> str:
    """Return a duration as 0:07, 12:40 or 1:02:33."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _state(row: Row, _: Sight) -> Cell:
    if row.over:
        return Cell(row.word, REFUSED if row.attempt else DIM)
    return Cell(row.word, WAITING if row.status in _RINGING else GOOD if row.status == "progressing" else DIM)


def _step(row: Row, _: Sight) -> Cell:
    if row.over:
        return Cell(row.why or row.step, REFUSED if row.attempt else DIM)
    return Cell(row.step)


def _mos(row: Row, _: Sight) -> Cell:
    return (
        Cell("none!", BAD)
        if row.silent
        else _measured(row, row.mos, bad=row.mos is not None and row.mos < BAD_MOS)
    )


def _loss(row: Row, _: Sight) -> Cell:
    return _measured(row, row.loss, bad=row.loss is not None and row.loss >= BAD_LOSS)


def _measured(row: Row, value: float | None, *, bad: bool) -> Cell:
    if value is None:
        return Cell("")
    mark = "!" if bad else " "  # for those without colours
    return Cell(f"{value:.1f}{mark}", BAD if bad else DIM if row.over else PLAIN)


def _plain(text: Callable[[Row], str]) -> Callable[[Row, Sight], Cell]:
    return lambda row, _: Cell(text(row), DIM if row.over else PLAIN)


def _by_text(text: Callable[[Row], str]) -> Callable[[Row, Sight], Any]:
    return lambda row, _: text(row).casefold() or None


def _arrow(row: Row) -> str:
    return "in" if row.direction == "incoming" else "out"


COLUMNS = (
    Column("direction", "", 3, 3, 0, _plain(_arrow), lambda row, _: row.direction),
    Column("from", "from", 15, 28, 0, _plain(lambda row: row.source), _by_text(lambda row: row.source)),
    Column("to", "to", 13, 28, 0, _plain(lambda row: row.destination), _by_text(lambda row: row.destination)),
    Column("status", "status", 9, 9, 0, _state, lambda row, _: row.word),
    Column(
        "time", "time", 7, 8, 0,
        lambda row, sight: Cell(duration(row.seconds(sight.now)), DIM if row.over else PLAIN),
        lambda row, sight: row.seconds(sight.now), falling=True, right=True,
    ),
    Column("step", "flow and step", 22, 60, 0, _step, _by_text(lambda row: row.step)),
    Column(
        "with", "with", 13, 28, 2,
        lambda row, sight: Cell(sight.board.partner(row)),
        lambda row, sight: sight.board.partner(row).casefold() or None,
    ),
    Column("codec", "codec", 6, 8, 3, _plain(lambda row: row.codec), _by_text(lambda row: row.codec)),
    Column("mos", "MOS ", 5, 5, 0, _mos, lambda row, _: 0.0 if row.silent else row.mos, right=True),
    Column("loss", "loss% ", 6, 6, 1, _loss, lambda row, _: row.loss, falling=True, right=True),
)  # fmt: skip
BY_NAME = {column.name: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands in a line."""

    column: Column
    at: int
    width: int


def lay_out(width: int) -> tuple[Place, ...]:
    """Return the columns that fit into a width, those that can grow sharing what is left."""
    shown = list(COLUMNS)
    while _needed(shown) > width and any(column.rank for column in shown):
        shown.remove(max(shown, key=lambda column: column.rank))
    widths = {column.name: column.width for column in shown}
    spare = width - _needed(shown)
    while spare > 0 and (growing := _growing(shown, widths)):
        for column in growing[:spare]:
            widths[column.name] += 1
        spare -= len(growing)
    places, at = [], 0
    for column in shown:
        places.append(Place(column, at, widths[column.name]))
        at += widths[column.name] + GAP
    return tuple(places)


def _growing(shown: list[Column], widths: Mapping[str, int]) -> list[Column]:
    """Return the columns that get room next: the step until most fit into it, then all."""
    step = BY_NAME["step"]
    if widths[step.name] < STEP_WIDTH:
        return [step]
    return [column for column in shown if widths[column.name] < column.most]


def _needed(columns: list[Column]) -> int:
    return sum(column.width + GAP for column in columns) - GAP


def in_order(rows: list[Row], column: Column | None, sight: Sight, *, turned: bool = False) -> list[Row]:
    """Return rows sorted by a column, those without a value last; None: the newest first."""
    if column is None:
        return sorted(rows, key=_newest, reverse=not turned)
    keys = {row.id: column.key(row, sight) for row in rows}
    known = [row for row in rows if keys[row.id] is not None]
    known.sort(key=lambda row: row.id)
    known.sort(key=lambda row: keys[row.id], reverse=column.falling != turned)
    return known + [row for row in rows if keys[row.id] is None]


def _newest(row: Row) -> tuple[float, str]:
    moment = row.ended or row.began
    return moment.timestamp() if moment is not None else 0.0, row.id


def matches(row: Row, sight: Sight, words: tuple[str, ...]) -> bool:
    """Whether all words, in small letters, are somewhere in a row; `bad` finds those that sound badly."""
    if not words:
        return True
    told = (
        row.id, row.direction, row.source, row.destination, row.word, row.flow, row.step, row.why,
        sight.board.partner(row), row.codec, "bad" if row.bad else "",
    )  # fmt: skip
    text = "\n".join(told).casefold()
    return all(word in text for word in words)
