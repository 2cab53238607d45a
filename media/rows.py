"""Growing structures of arrays: a leg is a row, and capacity grows in steps by reallocation."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)

STEP = 64  # rows added when full, at least


def grown(array: NDArray[_T], size: int) -> NDArray[_T]:
    """Return a copy of `array` whose first axis has `size` entries; new ones are zero."""
    out = np.zeros((size, *array.shape[1:]), array.dtype)
    out[: len(array)] = array
    return out


class RowAllocator:
    """Hands out row numbers, lowest first so that the used part stays dense."""

    def __init__(self) -> None:
        self.used = np.zeros(0, np.bool_)
        self.high = 0  # rows from here on are free

    @property
    def capacity(self) -> int:
        """Rows there are."""
        return len(self.used)

    def grow(self) -> int:
        """Add rows; return the new capacity."""
        self.used = grown(self.used, self.capacity + max(STEP, self.capacity // 2))
        return self.capacity

    def take(self) -> int | None:
        """Return a free row, None if all are used."""
        free = np.flatnonzero(~self.used)
        if not len(free):
            return None
        row = int(free[0])
        self.used[row] = True
        self.high = max(self.high, row + 1)
        return row

    def release(self, row: int) -> None:
        """Give a row back."""
        self.used[row] = False
        taken = np.flatnonzero(self.used)
        self.high = int(taken[-1]) + 1 if len(taken) else 0
