"""A call without a phone: does nothing, takes as long as a real one, and puts down what a flow asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.model import Flow
from flows.ports import Address, Clock, Conference, ConnectResult, Played, StepFailed
from flows.simulate.answers import USUAL_REASONS, Answers, Dialled
from flows.simulate.journal import Journal, Kind
from flows.simulate.recording import SimulatedRecorder, Terms
from flows.simulate.sounds import BEEP, FILE, seconds_of, spoken

RINGS = 3.0  # seconds until a destination answers or refuses


@dataclass(frozen=True, slots=True)
class Doing:
    """What the call is doing for some time."""

    what: str
    until: float | None  # of the clock; None: that depends
    listens: bool  # it matters what the caller types or when the caller hangs up


class SimulatedCall:
    """Implements `flows.ports.CallPort`."""

    def __init__(
        self, call_id: str, clock: Clock, journal: Journal, answers: Answers, recorder: SimulatedRecorder
    ) -> None:
        self.id = call_id
        self.recorder = recorder
        self._clock = clock
        self._journal = journal
        self._answers = answers
        self._status = "ringing"
        self._doings: list[Doing] = []
        self._cut: asyncio.Event | None = None
        self._calls = 0

    @property
    def doing(self) -> Doing | None:
        """Return what takes time now, None where nothing does."""
        return self._doings[-1] if self._doings else None

    def press(self, digit: str) -> None:
        """Take a digit of the caller."""
        self.recorder.press(digit)
        if self._cut is not None:
            self._cut.set()

    def end(self) -> None:
        """The caller has hung up."""
        self._status = "hangup"
        self.recorder.stop("hangup")

    def status(self) -> str:
        """Return the status."""
        return self._status

    async def answer(self) -> None:
        """Answer."""
        if self._status == "ringing":
            self._status = "progressing"
            self._journal.note(Kind.DID, "answers")

    async def hang_up(self, reason: str, *, reference_id: str = "", status: int = 0) -> None:
        """Hang up."""
        with_status = f" with SIP status {status}" if status >= 300 and self._status == "ringing" else ""
        self._journal.note(Kind.DID, f"hangs up: {reason}{with_status}")
        self.end()

    async def say(
        self, text: str, *, language: str, provider: str, voice_id: str, stop_on_digit: bool
    ) -> Played:
        """Take as long as the text does."""
        await self.answer()
        self._journal.note(Kind.SAID, spoken(text), language)
        return await self._sound("speaks", seconds_of(text), stop_on_digit)

    async def play(self, sources: Sequence[str], *, trusted: bool, stop_on_digit: bool = False) -> Played:
        """Take a few seconds for each source."""
        for source in sources:
            if not trusted and "://" not in source:
                raise StepFailed(f"{source}: only flows from files may play files")
            self._journal.note(Kind.PLAYED, source)
            if await self._sound(f"plays {source}", FILE, stop_on_digit) is Played.DIGIT:
                return Played.DIGIT
        return Played.FINISHED

    async def beep(self) -> None:
        """Beep."""
        self._journal.note(Kind.DID, "beeps")
        await self._sound("beeps", BEEP, False)

    async def send_digits(self, digits: str, *, duration: int, interval: int) -> None:
        """Take as long as the digits do."""
        self._journal.note(Kind.DID, f"sends digits {digits}")
        await self._sound("sends digits", len(digits) * (duration + interval) / 1000, False)

    async def echo(self, seconds: float, *, stream: bool) -> None:
        """Take that long."""
        self._journal.note(Kind.DID, f"echoes for {seconds:g} s")
        await self._while("echoes", seconds)

    async def connect(
        self,
        source: Address | None,
        destinations: Sequence[Address],
        *,
        ring_method: str,
        dial_timeout: float,
        early_media: bool,
        anonymous: str,
        answered: Callable[[str], None],
    ) -> ConnectResult:
        """Do what `Answers` says."""
        for destination in destinations:
            self._journal.note(Kind.CALLED, named(destination), f"connect {ring_method}")
        dialled = self._answers.dial(destinations, dial_timeout)
        patience = dial_timeout * (len(destinations) if ring_method == "linear" else 1)
        rings = RINGS if dialled.rings is None else dialled.rings
        if dialled.result == "noanswer" or rings >= patience:
            dialled, rings = Dialled("noanswer", dialled.reason, dialled.status), patience
        usual_reason, usual_status = USUAL_REASONS[dialled.result]
        await self._while(f"rings {', '.join(map(named, destinations))}", rings)
        self._calls += 1
        call_id = f"00000000-0000-4000-8000-{self._calls:012d}"
        if dialled.result != "answered":
            reason, status = dialled.reason or usual_reason, dialled.status or usual_status
            self._journal.note(Kind.DID, f"{dialled.result}: {reason}")
            return ConnectResult(dialled.result, reason, status, call_id if status else "")
        self._status = "progressing"
        answered(call_id)
        self._journal.note(Kind.DID, f"somebody answers and talks for {dialled.talks:g} s")
        await self._while("people talk", dialled.talks)
        return ConnectResult("answered", dialled.reason, 200, call_id)

    async def call(
        self,
        source: Address | None,
        destinations: Sequence[Address],
        *,
        flow: Flow,
        chained: bool,
        early_execution: bool,
        anonymous: str,
    ) -> None:
        """Put down the calls; their flow is not run."""
        for destination in destinations:
            self._journal.note(Kind.CALLED, named(destination), f"call with flow {flow.name}")

    async def conference(self, name: str) -> Conference:
        """Return what `Answers` says."""
        return self._answers.conference(name)

    async def join(self, room: str, *, kind: str) -> None:
        """Stay as long as `Answers` says."""
        self._journal.note(Kind.DID, f"joins room {room} ({kind})")
        self._status = "progressing"
        await self._while(f"is in room {room}", self._answers.room(room))
        self._journal.note(Kind.DID, f"has left room {room}")

    async def mute(self, direction: str) -> None:
        """Put it down."""
        self._journal.note(Kind.DID, f"mutes {direction}")

    async def record(
        self,
        terms: Terms,
        *,
        run_id: str,
        on_end: Flow | None,
        variables: Callable[[], Mapping[str, str]],
    ) -> Mapping[str, str]:
        """Begin a recording without a file."""
        if self._status != "progressing":
            raise StepFailed("the call is not in progress")
        return self.recorder.start(self.id, terms, on_end, variables)

    async def recording_over(self) -> Mapping[str, str]:
        """Wait for its end."""
        doing = Doing("is being recorded", None, True)
        self._doings.append(doing)
        try:
            return await self.recorder.whole()
        finally:
            self._doings.remove(doing)

    async def stop_recording(self) -> bool:
        """End it."""
        return self.recorder.stop("stopped")

    async def start_external_media(self, media: Any) -> str:
        """Put it down."""
        self._journal.note(Kind.DID, f"sends its sound to {media.host}")
        return "00000000-0000-4000-a000-000000000001"

    async def stop_external_media(self) -> int:
        """Put it down."""
        self._journal.note(Kind.DID, "sends its sound no more")
        return 1

    async def await_media(self) -> None:
        """Do nothing: everybody is heard at once."""

    async def _while(self, what: str, seconds: float) -> None:
        doing = Doing(what, self._clock.now() + seconds, True)
        self._doings.append(doing)
        try:
            await self._clock.sleep(seconds)
        finally:
            self._doings.remove(doing)

    async def _sound(self, what: str, seconds: float, stop_on_digit: bool) -> Played:
        """Take that long, or until a digit."""
        cut = asyncio.Event()
        timer = asyncio.ensure_future(_sleep(self._clock, seconds))
        digit = asyncio.ensure_future(_wait(cut))
        doing = Doing(what, self._clock.now() + seconds, stop_on_digit)
        self._doings.append(doing)
        if stop_on_digit:
            self._cut = cut
        try:
            await asyncio.wait((timer, digit), return_when=asyncio.FIRST_COMPLETED)
            return Played.DIGIT if cut.is_set() else Played.FINISHED
        finally:
            self._doings.remove(doing)
            timer.cancel()
            digit.cancel()


def named(address: Address) -> str:
    """Return an address as a person writes it."""
    return f"{address.type}:{address.target or address.target_name}"


async def _sleep(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
