"""What came of a phone's call, and how several calls run at once while each still fails on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.phones import prompts, sound


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call that is over."""

    recording: Path  # what the phone heard
    status: int = 200  # SIP status of the end, where the phone tells

    def heard(self) -> list[str]:
        """Return the places (names of `prompts.TONES`) whose tones the phone heard, in order."""
        return prompts.places(sound.tones(sound.heard(self.recording)))

    def speech(self) -> float:
        """Return how many seconds of speech the phone heard."""
        return sound.speech(sound.heard(self.recording))


class Outcomes:
    """The calls of a test module, made at once; `of` gives one, or fails as its call did."""

    def __init__(self, results: Mapping[str, Outcome | BaseException]) -> None:
        self._results = results

    def of(self, name: str) -> Outcome:
        result = self._results[name]
        if isinstance(result, BaseException):
            raise result
        return result


async def at_once(calls: Mapping[str, Awaitable[Outcome]]) -> Outcomes:
    """Make several calls at the same time."""
    results = await asyncio.gather(*calls.values(), return_exceptions=True)
    return Outcomes(dict(zip(calls, results, strict=True)))
