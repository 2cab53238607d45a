"""A simulated recording: it makes no file, but ends as a real one does and names the same variables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from flows.model import Flow
from flows.ports import Clock, StepFailed
from flows.simulate.journal import Journal, Kind

_ANY = "0123456789*#ABCD"


class Terms(Protocol):
    """How a call is to be recorded, as far as it matters here."""

    @property
    def format(self) -> str:
        """Return wav, ogg or mp3."""
        ...

    @property
    def end_of_silence(self) -> float:
        """Return the seconds of silence that end it; 0: none do."""
        ...

    @property
    def end_of_key(self) -> str:
        """Return "any", or the digits that end it."""
        ...

    @property
    def duration(self) -> float:
        """Return the longest time in seconds; 0: no limit."""
        ...


Recorded = Callable[[Flow, Mapping[str, str]], None]
"""Runs a flow, without the call, when a recording is over."""


class SimulatedRecorder:
    """The recordings of one call, one at a time."""

    def __init__(self, clock: Clock, journal: Journal, recorded: Recorded) -> None:
        self._heard_until = 0.0  # when the caller last ended to speak
        self._spoken = 0.0  # s within the recording, up to then
        self._variables: dict[str, str] = {}  # of the newest recording
        self._whole = asyncio.Event()
        self._clock = clock
        self._journal = journal
        self._recorded = recorded
        self._keys = ""
        self._over: Callable[[str], None] | None = None
        self._timer: asyncio.Task[None] | None = None
        self._count = 0

    def hear(self, seconds: float) -> None:
        """Take that the caller speaks from now on, for so long."""
        left = max(0.0, self._heard_until - self._clock.now())
        self._heard_until = self._clock.now() + max(left, seconds)
        self._spoken += max(0.0, seconds - left)

    async def whole(self) -> Mapping[str, str]:
        """Wait until the newest recording is over; return its variables."""
        await self._whole.wait()
        return self._variables

    def start(
        self, call_id: str, terms: Terms, on_end: Flow | None, variables: Callable[[], Mapping[str, str]]
    ) -> Mapping[str, str]:
        """Begin, and return the variables that tell of it. Raises StepFailed where one goes on."""
        if self._over is not None:
            raise StepFailed("the call is being recorded already")
        self._count += 1
        name = f"call_{call_id}_{self._count}"
        told = {
            "id": f"00000000-0000-4000-9000-{self._count:012d}",
            "reference_type": "call",
            "reference_id": call_id,
            "format": terms.format,
            "recording_name": name,
            "filenames": f"{name}.{terms.format}",
        }
        made = self._variables = {f"voipbin.recording.{key}": value for key, value in told.items()}
        began = self._clock.now()
        self._spoken = max(0.0, self._heard_until - began)
        self._whole = asyncio.Event()
        self._keys = _ANY if terms.end_of_key == "any" else terms.end_of_key

        def over(why: str) -> None:
            spoken = self._spoken - max(0.0, self._heard_until - self._clock.now())
            made["voipbin.recording.duration"] = f"{self._clock.now() - began:.1f}"
            made["voipbin.recording.spoken"] = f"{spoken:.1f}"
            made["voipbin.recording.end_reason"] = why
            self._whole.set()
            self._journal.note(Kind.DID, f"recording {name} over", why)
            if on_end is not None:
                self._recorded(on_end, {**variables(), **made})

        self._over = over
        self._timer = asyncio.ensure_future(self._limit(self._clock.now(), terms))
        self._journal.note(Kind.DID, f"records {name}.{terms.format}")
        return dict(made)

    def press(self, digit: str) -> None:
        """Take a digit that the caller typed."""
        if digit in self._keys:
            self.stop("key")

    def stop(self, why: str) -> bool:
        """End the recording; False where there is none."""
        over, self._over = self._over, None
        timer, self._timer = self._timer, None
        if over is None:
            return False
        self._keys = ""
        if timer is not None and timer is not asyncio.current_task():
            timer.cancel()
        over(why)
        return True

    async def _limit(self, began: float, terms: Terms) -> None:
        """End it after its longest time or after enough silence."""
        last = began + terms.duration if terms.duration else float("inf")
        while True:
            quiet = max(began, self._heard_until) + terms.end_of_silence if terms.end_of_silence else last
            end = min(last, quiet)
            if end == float("inf"):
                return
            if end <= self._clock.now():
                self.stop("duration" if end == last else "silence")
                return
            await self._clock.sleep(end - self._clock.now())
