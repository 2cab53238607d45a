"""A call that follows a script: it notes what a flow asks for, and types digits at set times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from flows.model import Flow
from flows.ports import (
    Address,
    Conference,
    ConnectResult,
    ExternalMedia,
    Played,
    RecordingTerms,
    StepFailed,
    StepRecord,
)
from tests.fakes.clock import VirtualClock


class ScriptedCall:
    """Implements `flows.ports.CallPort`. `log` holds what was asked, as short texts."""

    def __init__(
        self, clock: VirtualClock, *, status: str = "ringing", seconds_per_prompt: float = 2.0
    ) -> None:
        self.clock = clock
        self.log: list[str] = []
        self.running = 0  # sounds in progress
        self.fail: dict[str, Exception] = {}  # by log entry or its first word
        self.connects = [
            ConnectResult("answered", "", 200, "b-leg")
        ]  # one after the other; the last one stays
        self.seconds_together = 10.0  # in a bridge or a room
        self.seconds_ringing = 3.0
        self.seconds_recorded = 5.0
        self.called: list[Flow] = []
        self.recorded: list[Callable[[], Mapping[str, str]]] = []  # what the flow afterwards would get
        self.conferences = {"meeting": Conference("meeting-room")}
        self.on_hang_up: Callable[[], None] | None = None
        self._status = status
        self._seconds = seconds_per_prompt
        self._cut: asyncio.Future[None] | None = None

    def status(self) -> str:
        return self._status

    async def answer(self) -> None:
        self._note("answer")
        if self._status == "ringing":
            self._status = "progressing"

    async def hang_up(self, reason: str, *, reference_id: str = "", status: int = 0) -> None:
        self._note(" ".join(filter(None, ("hang_up", reason, reference_id, str(status or "")))))
        self._status = "hangup"
        if self.on_hang_up is not None:
            self.on_hang_up()

    def end(self) -> None:
        """The other side hangs up."""
        self._status = "hangup"

    async def say(
        self, text: str, *, language: str, provider: str, voice_id: str, stop_on_digit: bool
    ) -> Played:
        self._note(f"say {text}")
        return await self._sound(self._seconds, stop_on_digit)

    async def play(self, sources: Sequence[str], *, trusted: bool, stop_on_digit: bool = False) -> Played:
        self._note(f"play {' '.join(sources)}{'' if trusted else ' (not trusted)'}")
        return await self._sound(self._seconds * len(sources), stop_on_digit)

    async def beep(self) -> None:
        self._note("beep")
        await self._sound(0.5, False)

    async def send_digits(self, digits: str, *, duration: int, interval: int) -> None:
        self._note(f"send_digits {digits} {duration} {interval}")
        await self._sound((duration * len(digits) + interval * (len(digits) - 1)) / 1000, False)

    async def echo(self, seconds: float, *, stream: bool) -> None:
        self._note(f"echo {seconds:g}{' stream' if stream else ''}")
        await self._sound(seconds, False)

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
        self._note(f"connect {_from_to(source, destinations)} {ring_method} {dial_timeout:g} {anonymous}")
        if early_media:
            self._note("early_media")
        came = self.connects.pop(0) if len(self.connects) > 1 else self.connects[0]
        await self._sound(self.seconds_ringing, False)
        if came.result == "answered":
            self._status = "progressing"
            answered(came.call_id)
            await self._sound(self.seconds_together, False)
        return came

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
        options = [name for name, on in (("chained", chained), ("early", early_execution)) if on]
        self._note(" ".join(("call", _from_to(source, destinations), flow.name, anonymous, *options)))
        self.called.append(flow)

    async def conference(self, name: str) -> Conference:
        if name not in self.conferences:
            raise StepFailed(f"there is no conference '{name}'")
        return self.conferences[name]

    async def start_external_media(self, media: ExternalMedia) -> str:
        self._note(
            f"external {media.host} {media.encapsulation} {media.transport} {media.format} "
            f"{media.listen or '-'} {media.speak or '-'}"
        )
        return "id-1"

    async def stop_external_media(self) -> int:
        self._note("external stop")
        return 2

    async def join(self, room: str, *, kind: str) -> None:
        self._note(f"join {room} {kind}")
        self._status = "progressing"
        await self._sound(self.seconds_together, False)

    async def mute(self, direction: str) -> None:
        self._note(f"mute {direction}")

    async def record(
        self,
        terms: RecordingTerms,
        *,
        run_id: str,
        on_end: Flow | None,
        variables: Callable[[], Mapping[str, str]],
    ) -> Mapping[str, str]:
        limits = f"{terms.end_of_silence:g} {terms.end_of_key or '-'} {terms.duration:g}"
        follows = f" then {on_end.name}" if on_end is not None else ""
        self._note(f"record {terms.format} {terms.direction} {limits}{follows}")
        if self.recorded:
            raise StepFailed("it is being recorded already")
        self.recorded.append(variables)
        return {"voipbin.recording.id": "r-1", "voipbin.recording.format": terms.format}

    async def recording_over(self) -> Mapping[str, str]:
        self._note("recording_over")
        await self._sound(self.seconds_recorded, False)
        return {"voipbin.recording.spoken": "2.0"}

    async def stop_recording(self) -> bool:
        self._note("stop_recording")
        return bool(self.recorded)

    async def await_media(self) -> None:
        self._note("await_media")

    def digit(self) -> None:
        """A digit was typed: cut what may be cut."""
        if self._cut is not None and not self._cut.done():
            self._cut.set_result(None)

    def _note(self, text: str) -> None:
        self.log.append(text)
        fault = self.fail.get(text) or self.fail.get(text.split()[0])
        if fault is not None:
            raise fault

    async def _sound(self, seconds: float, stop_on_digit: bool) -> Played:
        self.running += 1
        timer = asyncio.ensure_future(_sleep(self.clock, seconds))
        cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if stop_on_digit:
            self._cut = cut
        try:
            await asyncio.wait((timer, cut), return_when=asyncio.FIRST_COMPLETED)
            return Played.DIGIT if cut.done() else Played.FINISHED
        finally:
            timer.cancel()
            self.running -= 1


class TraceList:
    """Implements `flows.ports.Trace`."""

    def __init__(self) -> None:
        self.records: list[StepRecord] = []

    def step(self, record: StepRecord) -> None:
        self.records.append(record)

    def steps(self) -> list[tuple[str, str]]:
        """Return the id and the outcome of each step."""
        return [(record.step_id, record.outcome) for record in self.records]


def _from_to(source: Address | None, destinations: Sequence[Address]) -> str:
    ends = [f"{a.type}:{a.target or a.target_name}" for a in destinations]
    return f"{source.type}:{source.target}>{'+'.join(ends)}" if source is not None else f"{'+'.join(ends)}"


def failing(message: str) -> StepFailed:
    """Return what a port raises when it cannot do what a step asked."""
    return StepFailed(message)


async def _sleep(clock: VirtualClock, seconds: float) -> None:
    await clock.sleep(seconds)


def at(clock: VirtualClock, seconds: float, action: Callable[[], object]) -> Coroutine[Any, Any, None]:
    """Return a coroutine that does something at a moment of the clock."""

    async def later() -> None:
        await clock.sleep(seconds)
        action()

    return later()
