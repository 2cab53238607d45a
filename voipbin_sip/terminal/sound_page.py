"""The part of a call's page that is about its sound: a row for each direction of each leg."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from voipbin_sip.terminal.story import CallStory, Leg, Sound
from voipbin_sip.terminal.words import far_end, length, sparkline

BARS = 20  # characters of a sparkline
WORST, BEST = 1.0, 4.5  # scores
POOR = 3.6  # many people are dissatisfied below it (ITU-T G.107 Annex B)


@dataclass(frozen=True, slots=True)
class _Way:
    """One direction of a leg."""

    words: str
    mos: Callable[[Sound], float | None]
    loss: Callable[[Sound], float | None]
    jitter: Callable[[Sound], float | None]


_WAYS = (
    _Way("heard from it", lambda s: s.heard_mos, lambda s: s.heard_lost, lambda s: s.heard_jitter),
    _Way("sent to it", lambda s: s.sent_mos, lambda s: s.sent_lost, lambda s: s.sent_jitter),
)


def quality(story: CallStory) -> RenderableType | None:
    """Return how each leg sounded: score over time, and the numbers; None: there was no sound."""
    found = [leg for leg in story.all_legs if _whole(leg) is not None]
    if not found:
        return None
    parts: list[RenderableType] = []
    for leg in found:
        every = f", a bar is {length(_bar_seconds(leg))}" if len(leg.points) > 1 else ""
        codec = f" {leg.codec}" if leg.codec else ""
        parts += [Text(f"{far_end(leg)}{codec}{every}"), _table(leg)]
    return Group(*parts)


def _whole(leg: Leg) -> Sound | None:
    """Return the sound of a leg as a whole, or its last stretch where that is all there is."""
    return leg.sound or (leg.points[-1].sound if leg.points else None)


def _bar_seconds(leg: Leg) -> float:
    return leg.step_seconds * max(1.0, len(leg.points) / BARS)


def _table(leg: Leg) -> Table:
    sound = _whole(leg)
    assert sound is not None
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(6):
        table.add_column(no_wrap=True)
    for way in _WAYS:
        scores = [way.mos(point.sound) for point in leg.points]
        worst = min((score for score in scores if score is not None), default=None)
        mos = way.mos(sound)
        table.add_row(
            f"  {way.words}",
            Text(sparkline(scores, WORST, BEST, BARS), style=_colour(worst)),
            Text(_score(mos, worst), style=_colour(mos)),
            f"loss {_number(way.loss(sound), ' %')}",
            f"jitter {_number(way.jitter(sound), ' ms')}",
            f"round trip {_number(sound.round_trip, ' ms')}" if way is _WAYS[0] else "",
        )
    return table


def _score(mos: float | None, worst: float | None) -> str:
    low = f" (worst {worst:.1f})" if worst is not None and mos is not None and worst < mos - 0.1 else ""
    return f"MOS {'?' if mos is None else f'{mos:.1f}'}{low}"


def _number(value: float | None, unit: str) -> str:
    return "?" if value is None else f"{value:.1f}{unit}"


def _colour(mos: float | None) -> str:
    if mos is None:
        return "dim"
    return "red" if mos < POOR else "green"
