"""Quality over time: what came in each stretch, thinned when it is much, bounded over all calls."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.observe.calls import BEGAN, ended
from voipbin_sip.calls.call import Address, Call, Change
from voipbin_sip.calls.quality import Direction as Way
from voipbin_sip.calls.quality import Quality
from voipbin_sip.calls.states import Status
from voipbin_sip.observe import series as module
from voipbin_sip.observe.series import MAX_POINTS, UNKNOWN, QualitySeries, Series


def counters(seconds: float, *, lost: int = 0, sent_lost: int | None = None, jitter: float = 1.0) -> Quality:
    """Return what a call's counters say after a time of 50 packets a second each way."""
    packets = int(seconds * 50)
    return Quality(Way(packets, lost, jitter), Way(packets, sent_lost, 0.5), 0, 0, None)


def test_a_point_is_what_came_since_the_one_before() -> None:
    found = Series()
    found.take(5, counters(5))
    found.take(10, counters(10, lost=25, sent_lost=10, jitter=30.0))
    found.take(15, counters(15, lost=25, sent_lost=10))
    assert [(point.until, point.heard, point.lost, point.sent_lost) for point in found.points] == [
        (5, 250, 0, UNKNOWN),
        (10, 250, 25, 10),
        (15, 250, 0, 0),
    ]
    quality = found.points[1].quality()
    assert quality.heard.loss == pytest.approx(0.1)
    assert quality.heard.jitter == 30.0
    assert found.points[0].quality().sent.lost is None


def test_a_long_call_is_thinned_and_loses_no_packet() -> None:
    found = Series()
    hours = 6
    for number in range(1, hours * 720 + 1):
        found.take(5.0 * number, counters(5 * number, lost=number // 10))
    assert MAX_POINTS / 2 <= len(found.points) <= MAX_POINTS
    assert found.stretch == 64
    assert sum(point.heard for point in found.points) == hours * 3600 * 50
    assert sum(point.lost for point in found.points) == hours * 72
    assert [point.until for point in found.points] == sorted(point.until for point in found.points)
    assert found.points[-1].until == hours * 3600


def test_counters_that_begin_anew_are_no_negative_loss() -> None:
    found = Series()
    found.take(5, counters(5, lost=20, sent_lost=9))
    found.take(10, counters(1))
    assert (found.points[1].heard, found.points[1].lost) == (0, 0)


class Wall:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> Any:
        return self.now

    def after(self, seconds: float) -> None:
        self.now = BEGAN + timedelta(seconds=seconds)


class Desk:
    """Calls that go on, with counters set by hand."""

    def __init__(self, age: float = 3600.0) -> None:
        self.wall = Wall()
        self.sessions: list[Any] = []
        self.series = QualitySeries(cast(Any, self.sessions), age, self.wall)

    def call(self, quality: Quality | None) -> Call:
        call = Call("leg", Address("tel", "+15550100"), Address("extension", "1000"))
        call.began, call.status = BEGAN, Status.PROGRESSING
        session = SimpleNamespace(call=call, now=quality)
        session.quality = lambda: session.now
        self.sessions.append(session)
        return call

    def hang_up(self, call: Call, last: Quality | None) -> None:
        self.sessions[:] = [session for session in self.sessions if session.call is not call]
        call.status, call.quality = Status.HANGUP, last
        call.times[Status.HANGUP] = self.wall.now
        self.series.call_changed(call, Change.STATUS)
        if last is not None:
            self.series.call_changed(call, Change.QUALITY)


async def test_a_call_is_kept_with_its_last_stretch_after_its_end() -> None:
    desk = Desk()
    call, silent = desk.call(counters(5)), desk.call(None)
    desk.wall.after(5)
    await desk.series.measure()
    desk.wall.after(7)
    desk.hang_up(call, counters(7, lost=3))
    desk.hang_up(silent, None)
    found = desk.series.of(call.id)
    assert found is not None
    assert [(point.until, point.heard, point.lost) for point in found.points] == [(5, 250, 0), (7, 100, 3)]
    assert desk.series.of(silent.id) is None


async def test_a_call_of_a_moment_has_one_point() -> None:
    desk = Desk()
    call = desk.call(None)
    desk.wall.after(1)
    desk.hang_up(call, counters(1))
    found = desk.series.of(call.id)
    assert found is not None
    assert [point.heard for point in found.points] == [50]


async def test_ended_calls_are_forgotten_when_they_are_old() -> None:
    desk = Desk(age=60)
    call = desk.call(counters(5))
    desk.wall.after(5)
    desk.hang_up(call, counters(5))
    desk.wall.after(64)
    await desk.series.measure()
    assert desk.series.of(call.id) is not None
    desk.wall.after(66)
    await desk.series.measure()
    assert desk.series.of(call.id) is None


async def test_the_oldest_calls_go_where_there_are_too_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ALL", 10)
    desk = Desk()
    old, new = desk.call(None), desk.call(None)
    desk.hang_up(old, counters(5))
    desk.hang_up(new, counters(5))
    running = desk.call(counters(0))
    for number in range(1, 10):
        desk.sessions[0].now = counters(5 * number)
        desk.wall.after(5 * number)
        await desk.series.measure()
    assert desk.series.of(old.id) is None
    assert desk.series.of(new.id) is not None
    for number in range(10, 40):
        desk.sessions[0].now = counters(5 * number)
        desk.wall.after(5 * number)
        await desk.series.measure()
    found = desk.series.of(running.id)
    assert desk.series.of(new.id) is None
    assert found is not None
    assert len(found) <= 10
    assert sum(point.heard for point in found.points) == 39 * 250


async def test_only_so_many_calls_that_are_over_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENDED", 3)
    desk = Desk()
    calls = [desk.call(None) for _ in range(5)]
    for call in calls:
        desk.hang_up(call, counters(5))
    await desk.series.measure()
    assert [desk.series.of(call.id) is not None for call in calls] == [False, False, True, True, True]


def test_an_ended_call_that_was_never_measured_is_no_trouble() -> None:
    series = Desk().series
    series.call_changed(ended(), Change.STATUS)
    series.call_changed(ended(), Change.QUALITY)
    assert series.of(ended().id) is None
