"""How the sound of each call went on over time: measured every five seconds, in bounded memory.

One loop reads the counters that the media workers keep in shared memory anyway; nothing is done on the path of a call.
A call has at most `MAX_POINTS` points: when they are full, each two become one and the stretch of a point doubles. Of
all calls, `MAX_ALL` points are kept, of calls that are over `MAX_ENDED`; the oldest calls go first.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from voipbin_sip.calls.call import Call, Change
from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.quality import Direction, Quality
from voipbin_sip.calls.states import Status
from voipbin_sip.tasks import over

EVERY = 5.0  # seconds
MAX_POINTS = 120  # of one call: ten minutes at full detail
MAX_ALL = 200_000  # of all calls: 7 MiB
MAX_ENDED = 10_000  # calls that are over, of which each costs half a kilobyte beside its points
THINNED_AT_ONCE = 20
AT_ONCE = 200  # calls that are read before others have a turn in the loop
UNKNOWN = -1.0
_FIELDS = 9


@dataclass(frozen=True, slots=True)
class Point:
    """One stretch of a call's sound: what came in it. Of jitter and round trip it has the worst."""

    until: float  # seconds since the call began
    heard: float  # packets that should have come
    lost: float
    late: float
    jitter: float  # ms
    sent: float  # packets
    sent_lost: float  # as the peer reports; UNKNOWN: it does not
    sent_jitter: float  # ms
    round_trip: float  # ms, UNKNOWN: not known

    def with_next(self, other: Point) -> Point:
        """Return this stretch and the one after it as one."""
        told = [lost for lost in (self.sent_lost, other.sent_lost) if lost != UNKNOWN]
        return Point(
            other.until,
            self.heard + other.heard,
            self.lost + other.lost,
            self.late + other.late,
            max(self.jitter, other.jitter),
            self.sent + other.sent,
            sum(told) if told else UNKNOWN,
            max(self.sent_jitter, other.sent_jitter),
            max(self.round_trip, other.round_trip),
        )

    def quality(self) -> Quality:
        """Return it as a quality of its own, to be judged as whole calls are."""
        return Quality(
            Direction(int(self.heard), int(self.lost), round(self.jitter, 1)),
            Direction(
                int(self.sent),
                None if self.sent_lost == UNKNOWN else int(self.sent_lost),
                round(self.sent_jitter, 1),
            ),
            int(self.late),
            0,
            None if self.round_trip == UNKNOWN else round(self.round_trip, 1),
        )

    @property
    def numbers(self) -> tuple[float, ...]:
        """Its fields in their order."""
        return (
            self.until, self.heard, self.lost, self.late, self.jitter, self.sent, self.sent_lost,
            self.sent_jitter, self.round_trip,
        )  # fmt: skip


class Series:
    """The points of one call.

    Attributes:
        stretch: measurements in a point.
    """

    __slots__ = ("_before", "_kept", "_open", "_taken", "stretch")

    def __init__(self) -> None:
        self.stretch = 1
        self._kept = array("f")  # _FIELDS numbers a point
        self._open: Point | None = None  # the stretch in hand
        self._taken = 0  # measurements in it
        self._before: Quality | None = None

    def __len__(self) -> int:
        return len(self._kept) // _FIELDS

    @property
    def points(self) -> Sequence[Point]:
        """All points, the oldest first."""
        kept = [Point(*self._kept[at : at + _FIELDS]) for at in range(0, len(self._kept), _FIELDS)]
        return kept if self._open is None else [*kept, self._open]

    @property
    def last(self) -> Point | None:
        """The newest one."""
        if self._open is not None:
            return self._open
        return Point(*self._kept[-_FIELDS:]) if self._kept else None

    def take(self, until: float, quality: Quality) -> None:
        """Take a call's counters at a time since its begin."""
        point = _between(self._before, quality, until)
        self._before = quality
        self._open = point if self._open is None else self._open.with_next(point)
        self._taken += 1
        if self._taken >= self.stretch:
            self.close()
            if len(self) >= MAX_POINTS:
                self.thin()

    def close(self) -> None:
        """End the stretch in hand."""
        if self._open is not None:
            self._kept.extend(self._open.numbers)
            self._open, self._taken = None, 0

    def end(self) -> None:
        """End the last stretch; nothing is taken any more."""
        self.close()
        self._before = None

    def thin(self) -> None:
        """Make one point of each two."""
        points = [Point(*self._kept[at : at + _FIELDS]) for at in range(0, len(self._kept), _FIELDS)]
        self._kept = array("f")
        for at in range(0, len(points), 2):
            pair = points[at : at + 2]
            self._kept.extend((pair[0].with_next(pair[1]) if len(pair) == 2 else pair[0]).numbers)
        self.stretch *= 2


def _between(before: Quality | None, now: Quality, until: float) -> Point:
    """Return what has come between two readings of the counters, which only grow."""
    told = now.sent.lost is not None
    heard, lost, late, sent, sent_lost = 0, 0, 0, 0, 0
    if before is not None:
        heard, lost, late = before.heard.packets, before.heard.lost or 0, before.late
        sent, sent_lost = before.sent.packets, before.sent.lost or 0
    return Point(
        until,
        max(0, now.heard.packets - heard),
        max(0, (now.heard.lost or 0) - lost),
        max(0, now.late - late),
        now.heard.jitter,
        max(0, now.sent.packets - sent),
        max(0, (now.sent.lost or 0) - sent_lost) if told else UNKNOWN,
        now.sent.jitter,
        UNKNOWN if now.round_trip is None else now.round_trip,
    )


class QualitySeries:
    """Measures all calls; watches them (calls.live.CallWatcher) to know their ends.

    Args:
        age: seconds that ended calls are kept.
        utc: the time.
    """

    def __init__(
        self, live: LiveCalls, age: float, utc: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._calls, self._age, self._utc = live, age, utc
        self._live: dict[UUID, Series] = {}
        self._ended: OrderedDict[UUID, tuple[datetime, Series]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def of(self, call_id: UUID) -> Series | None:
        """Return the series of a call, None where nothing of it is kept."""
        if (found := self._live.get(call_id)) is not None:
            return found
        _, ended = self._ended.get(call_id, (None, None))
        return ended

    def start(self) -> None:
        """Begin to measure."""
        self._task = asyncio.get_running_loop().create_task(self._measure())

    async def close(self) -> None:
        """Stop."""
        await over(self._task)

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.measure()

    async def measure(self) -> None:
        """Read the counters of all calls once."""
        for number, session in enumerate(self._calls, start=1):
            call, quality = session.call, session.quality()
            if quality is not None and quality.has_sound and not call.is_over:
                self._take(self._live.setdefault(call.id, Series()), call, quality, self._utc())
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        held = self._forget()
        for number, series in enumerate([*self._live.values()], start=1):
            if held <= MAX_ALL:
                break
            held -= len(series)
            series.thin()
            held += len(series)
            if number % THINNED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _take(self, series: Series, call: Call, quality: Quality, now: datetime) -> None:
        series.take((now - call.began).total_seconds(), quality)

    def _forget(self) -> int:
        """Forget calls that are over, by the bounds of age and number; returns how many points are left."""
        oldest = self._utc().timestamp() - self._age
        held = sum(map(len, self._live.values())) + sum(len(series) for _, series in self._ended.values())
        while self._ended:
            ended, series = next(iter(self._ended.values()))
            if ended.timestamp() >= oldest and held <= MAX_ALL and len(self._ended) <= MAX_ENDED:
                break
            held -= len(series)
            self._ended.popitem(last=False)
        return held

    # What calls tell

    def call_began(self, call: Call) -> None:
        """Take a new call."""

    def call_changed(self, call: Call, change: Change) -> None:
        """Take a call's end, and after it the last word on its sound."""
        if change is Change.STATUS and call.is_over:
            series = self._live.pop(call.id, None)
            if series is not None:
                self._ended[call.id] = (call.times[Status.HANGUP], series)
        elif change is Change.QUALITY and call.quality is not None and Status.HANGUP in call.times:
            ended = call.times[Status.HANGUP]
            _, series = self._ended.setdefault(call.id, (ended, Series()))
            self._take(series, call, call.quality, ended)
            series.end()

    def call_digit(self, call: Call, digit: str) -> None:
        """Take a digit, which is nobody's business."""
