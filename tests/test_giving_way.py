"""A thread that computes gives way to the calls: as long as it has worked, and longer."""

from __future__ import annotations

import pytest

from voipbin_sip.app.giving_way import AT_ONCE, SHARE, GivingWay


class Thread:
    """A thread whose work takes the time that the test says."""

    def __init__(self) -> None:
        self.worked = 7.0
        self.slept: list[float] = []
        self.pause = GivingWay(lambda: self.worked, self.slept.append)

    def work(self, seconds: float) -> None:
        self.worked += seconds
        self.pause()


def test_it_sleeps_as_the_work_was_long() -> None:
    thread = Thread()
    thread.work(2 * AT_ONCE)
    thread.work(5 * AT_ONCE)
    assert thread.slept == pytest.approx([2 * AT_ONCE * SHARE, 5 * AT_ONCE * SHARE])


def test_small_pieces_are_gathered() -> None:
    thread = Thread()
    for _ in range(25):
        thread.work(AT_ONCE / 5)
    assert 4 <= len(thread.slept) <= 5
    assert sum(thread.slept) >= 4 * AT_ONCE * SHARE
