"""The table of calls printed once, for pipes and scripts."""

from __future__ import annotations

from datetime import datetime

from rich.table import Table
from rich.text import Text

from voipbin_sip.printable import clean
from voipbin_sip.terminal.board import Board, Row
from voipbin_sip.terminal.columns import COLUMNS, Sight, in_order

ENDED = 10  # calls that are over


def plain_table(board: Board, now: datetime) -> Table:
    """Return the calls that go on, the newest first, and the last ones that are over or were refused."""
    sight = Sight(board, now)
    table = Table(box=None, pad_edge=False, header_style="bold underline")
    for column in COLUMNS:
        table.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=True, overflow="ellipsis"
        )
    table.add_column("id", no_wrap=True, min_width=8)
    rows: list[Row] = in_order([*board.running.values()], None, sight)
    rows += in_order(board.over, None, sight)[:ENDED]
    for row in rows:
        cells = [column.cell(row, sight) for column in COLUMNS]
        table.add_row(*(Text(clean(cell.text), style=cell.style) for cell in cells), Text(clean(row.id)))
    return table
