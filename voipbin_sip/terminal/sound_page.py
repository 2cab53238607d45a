"""The part of a call's page that is about its sound: a row for each direction of each leg."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from voipbin_sip.printable import clean
from voipbin_sip.terminal.story import CallStory, Leg, Sound
from voipbin_sip.terminal.words import far_end, length, sparkline

MOST_BARS, FEWEST_BARS = 24, 5  # characters of a sparkline
BESIDE = 66  # characters of a line beside its bars
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
    found = [LegSound(leg, sound) for leg in story.all_legs if (sound := _whole(leg)) is not None]
    return Group(*found) if found else None


def _whole(leg: Leg) -> Sound | None:
    """Return the sound of a leg as a whole, or its last stretch where that is all there is."""
    return leg.sound or (leg.points[-1].sound if leg.points else None)


class LegSound:
    """The rows of one leg; the bars take what room there is."""

    def __init__(self, leg: Leg, sound: Sound) -> None:
        self._leg, self._sound = leg, sound

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield who it is, then a line for each direction."""
        bars = min(MOST_BARS, max(FEWEST_BARS, options.max_width - BESIDE))
        yield Text(clean(", ".join(self._about(bars))))
        for way in _WAYS:
            yield self._line(way, bars)

    def _about(self, bars: int) -> Iterator[str]:
        leg, trip = self._leg, self._sound.round_trip
        yield f"{far_end(leg)} {leg.codec}".strip()
        if trip is not None:
            yield f"round trip {trip:.0f} ms"
        if len(leg.points) > 1:
            yield f"a bar is {length(leg.step_seconds * max(1.0, len(leg.points) / bars))}"

    def _line(self, way: _Way, bars: int) -> Text:
        points = [point.sound for point in self._leg.points]
        scores = [way.mos(sound) for sound in points]
        mos, loss, jitter = way.mos(self._sound), way.loss(self._sound), way.jitter(self._sound)
        worst = min((score for score in scores if score is not None), default=mos)
        low = f", worst {worst:.1f}" if worst is not None and mos is not None and worst < mos - 0.1 else ""
        text = Text(f"  {way.words:<13}  ")
        text.append(f"{sparkline(scores, WORST, BEST, bars):<{min(bars, len(scores))}}", _colour(worst))
        text.append(f"  {f'MOS {_number(mos)}{low}':<18}", _colour(mos))
        said = f"loss {_number(loss, ' %')}"
        text.append(f"  {said:<11}  jitter {_number(jitter, ' ms')}")
        text.rstrip()
        return text


def _number(value: float | None, unit: str = "") -> str:
    return "?" if value is None else f"{value:.1f}{unit}"


def _colour(mos: float | None) -> str:
    if mos is None:
        return "dim"
    return "red" if mos < POOR else "green"
