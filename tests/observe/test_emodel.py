"""The E-model against figures that are published for it."""

from __future__ import annotations

import pytest

from voipbin_sip.calls.quality import Direction, Quality
from voipbin_sip.observe.emodel import opinion, rating, scores


@pytest.mark.parametrize(
    ("r", "mos"),
    [(0, 1.0), (50, 2.58), (60, 3.10), (70, 3.60), (80, 4.02), (90, 4.34), (93.2, 4.41), (100, 4.5)],
)
def test_the_score_of_a_rating_is_the_one_of_g_107_annex_b(r: float, mos: float) -> None:
    assert opinion(r) == pytest.approx(mos, abs=0.01)


def test_delay_hurts_from_177_ms_on() -> None:
    assert rating(0, 0) == 93.2
    assert rating(0, 150) == pytest.approx(93.2 - 3.6)
    assert rating(0, 400) == pytest.approx(93.2 - 9.6 - 24.5, abs=0.1)


def test_loss_hurts_as_g_113_says_for_g_711_with_concealment() -> None:
    assert 93.2 - rating(0.01, 0) == pytest.approx(3.6, abs=0.1)
    assert 93.2 - rating(0.05, 0) == pytest.approx(15.8, abs=0.1)
    assert 93.2 - rating(1.0, 0) == pytest.approx(75.9, abs=0.1)


def _quality(heard: Direction, sent: Direction, late: int = 0, round_trip: float | None = None) -> Quality:
    return Quality(heard, sent, late, 0, round_trip)


def test_both_directions_are_judged_apart() -> None:
    found = scores(_quality(Direction(1000, 0, 0.0), Direction(1000, 100, 10.0), round_trip=60.0))
    assert found.heard == pytest.approx(4.36, abs=0.02)
    assert found.sent is not None
    assert 2.9 < found.sent < 3.4


def test_what_nobody_has_told_is_not_guessed() -> None:
    found = scores(_quality(Direction(0, 0, 0.0), Direction(1000, None, 0.0)))
    assert (found.heard, found.sent) == (None, None)


def test_late_packets_are_as_bad_as_lost_ones() -> None:
    lost = scores(_quality(Direction(1000, 50, 0.0), Direction(0, None, 0.0)))
    late = scores(_quality(Direction(1000, 0, 0.0), Direction(0, None, 0.0), late=50))
    assert lost.heard == late.heard
