"""Who is in which room, and how a tick adds them up: index arrays that are built anew when anything changes.

A room of two needs no sum: each hears the other. Rooms of three and more are sorted by size, so that "the k-th
member of every room" is one array and belongs to the first n of them: a tick adds these columns one after the other
instead of adding room by room. Rooms of more than `COLUMNS` members come first and are added one at a time, which
costs less there.

G.722 legs speak at 16 kHz. A room with a single one is mixed at 8 kHz, which is all that its others could hear;
rooms with more of them ("wide" members) are mixed at both rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.legs import G722

COLUMNS = 16
NOBODY = -1


@dataclass(frozen=True, slots=True)
class WideRoom:
    """A room of three or more with at least two G.722 legs."""

    wide: NDArray[np.intp]  # rows
    narrow: NDArray[np.intp]
    places: NDArray[np.intp]  # of the wide rows in `Plan.many`


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows as the mixer needs them. `partner` and the masks have an entry for each row of the engine."""

    partner: NDArray[np.intp]  # the other row in a room of two, else NOBODY
    mixing: NDArray[np.bool_]  # in a room with somebody else
    wide: NDArray[np.bool_]  # G.722 rows in a room with another one
    halved: NDArray[np.bool_]  # wide rows that somebody hears at 8 kHz
    paired: NDArray[np.intp]  # rows in rooms of two
    many: NDArray[np.intp]  # rows in larger rooms, room by room
    index: NDArray[np.intp]  # the room's place in the sums, for each of `many`
    rooms: int  # larger rooms
    crowds: list[NDArray[np.intp]]  # rows of the rooms with more than COLUMNS, which come first in the sums
    columns: list[NDArray[np.intp]]  # k-th members of the other rooms, for each k
    wide_rooms: list[WideRoom]


class Rooms:
    """Rooms of one engine; a room is there while it has members."""

    def __init__(self) -> None:
        self.members: dict[int, list[int]] = {}  # rows by room
        self.of: dict[int, int] = {}  # room by row
        self._plan: Plan | None = None

    def join(self, row: int, room: int) -> None:
        """Put a row that is in no room into one."""
        self.members.setdefault(room, []).append(row)
        self.of[row] = room
        self._plan = None

    def leave(self, row: int) -> None:
        """Take a row out of its room."""
        room = self.of.pop(row)
        members = self.members[room]
        members.remove(row)
        if not members:
            del self.members[room]
        self._plan = None

    def partner(self, row: int, ears: NDArray[np.bool_]) -> int | None:
        """Return the other row of a room of two; rows that only listen (`Legs.is_ear`) are not counted."""
        members = [member for member in self.members.get(self.of.get(row, 0), []) if not ears[member]]
        if len(members) != 2:
            return None
        return members[members[0] == row]

    def changed(self) -> None:
        """A codec has changed, or there are more rows."""
        self._plan = None

    def plan(self, law: NDArray[np.uint8]) -> Plan:
        """Return the arrays for the present members; `law` is that of all rows."""
        if self._plan is None:
            self._plan = self._build(law)
        return self._plan

    def _build(self, law: NDArray[np.uint8]) -> Plan:
        pairs = np.array([rows for rows in self.members.values() if len(rows) == 2], np.intp).reshape(-1, 2)
        larger = sorted((rows for rows in self.members.values() if len(rows) > 2), key=len, reverse=True)
        many = np.array([row for rows in larger for row in rows], np.intp)
        small = [rows for rows in larger if len(rows) <= COLUMNS]
        columns = [
            np.array([rows[place] for rows in small if len(rows) > place], np.intp)
            for place in range(len(small[0]) if small else 0)
        ]
        plan = Plan(
            partner=np.full(len(law), NOBODY, np.intp),
            mixing=np.zeros(len(law), np.bool_),
            wide=np.zeros(len(law), np.bool_),
            halved=np.zeros(len(law), np.bool_),
            paired=pairs.reshape(-1),
            many=many,
            index=np.repeat(np.arange(len(larger)), [len(rows) for rows in larger]),
            rooms=len(larger),
            crowds=[np.array(rows) for rows in larger if len(rows) > COLUMNS],
            columns=columns,
            wide_rooms=[],
        )
        plan.partner[pairs] = pairs[:, ::-1]
        plan.mixing[pairs] = True
        plan.mixing[many] = True
        both = pairs[(law[pairs] >= G722).all(axis=1)]
        plan.wide[both] = True
        if (law[many] >= G722).any():
            _mark_wide(plan, larger, law)
        return plan


def _mark_wide(plan: Plan, larger: list[list[int]], law: NDArray[np.uint8]) -> None:
    """Find the larger rooms with several G.722 legs."""
    end = 0
    for members in larger:
        rows = np.array(members)
        start, end = end, end + len(rows)
        is_wide = law[rows] >= G722
        if np.count_nonzero(is_wide) < 2:
            continue
        wide, narrow = rows[is_wide], rows[~is_wide]
        plan.wide[wide] = True
        plan.halved[wide] = len(narrow) > 0
        plan.wide_rooms.append(WideRoom(wide, narrow, start + np.flatnonzero(is_wide)))
