"""One call as the interpreter sees it: does on the call what the steps of a run ask (flows.ports.CallPort)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from flows import Flow
from flows.ports import Address as FlowAddress
from flows.ports import Conference, ConnectResult, ExternalMedia, Played, RecordingTerms, StepFailed
from media.client import BankFull, WorkerLost
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.connecting import Connecting
from voipbin_sip.calls.destinations import Destinations
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.ringing import Ringing
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import Status
from voipbin_sip.flowhost.address import call_address
from voipbin_sip.flowhost.recording import RecordingSteps
from voipbin_sip.sounds.errors import SoundError
from voipbin_sip.sounds.library import SoundLibrary
from voipbin_sip.sounds.prompts import ANY_DIGIT, Prompts
from voipbin_sip.speech import SpeechError
from voipbin_sip.streams.external import Externals, Terms
from voipbin_sip.streams.streams import StreamRefused
from voipbin_sip.web.guard import WebError


@dataclass(frozen=True, slots=True)
class Parts:
    """What steps work with."""

    prompts: Prompts
    sounds: SoundLibrary
    connecting: Connecting
    ringing: Ringing
    destinations: Destinations
    rooms: Rooms
    conferences: Callable[[str], Conference | None]
    ended_status: Callable[[str], int]  # SIP status that a call ended with, 0 = unknown
    externals: Externals
    recording: RecordingSteps


class Place(Protocol):
    """Places calls on behalf of a run; see FlowHost.place."""

    async def __call__(
        self,
        parent: CallSession | None,
        originator: Originator,
        destinations: Sequence[Address],
        flow: Flow,
        *,
        chained: bool,
        early_execution: bool,
    ) -> None:
        """Begin a call to each destination. Raises StepFailed."""
        ...


class CallSteps:
    """One call for the interpreter (flows.ports.CallPort)."""

    def __init__(self, session: CallSession, parts: Parts, place: Place) -> None:
        self._session = session
        self._place = place
        self._prompts = parts.prompts
        self._sounds = parts.sounds
        self._connecting = parts.connecting
        self._rooms = parts.rooms
        self._conferences = parts.conferences
        self._ended_status = parts.ended_status
        self._externals = parts.externals
        self._recording = parts.recording
        self._recorded: asyncio.Future[Mapping[str, str]] | None = None
        self.has_let_go = False
        self.hanging_up: Callable[[], None] = nothing  # is told before the call is hung up

    def let_go(self) -> None:
        """Leave the call to another run: this one is stopped and must not hang up."""
        self.has_let_go = True

    def status(self) -> str:
        """Return the call's status; one that was let go is over for this run."""
        return str(Status.HANGUP if self.has_let_go else self._session.call.status)

    async def answer(self) -> None:
        """Answer the call."""
        self._session.answer()

    async def hang_up(self, reason: str, *, reference_id: str = "", status: int = 0) -> None:
        """End the call, perhaps as another one ended."""
        self.hanging_up()
        if reference_id:
            status, reason = self._ended_status(reference_id), "normal"
        if status >= 300 and self._session.call.status is Status.RINGING:
            self._session.refuse(status, "")
        else:
            self._session.hang_up(reason)

    async def say(
        self, text: str, *, language: str, provider: str, voice_id: str, stop_on_digit: bool
    ) -> Played:
        """Speak; answers an unanswered call, as VoIPBIN's talk does."""
        self._session.answer()
        sound = await self._session.media_ready()
        try:
            cut = await self._prompts.say(
                sound.leg,
                text,
                sound.rate,
                language=language,
                provider=provider,
                voice_id=voice_id,
                stop_digits=ANY_DIGIT if stop_on_digit else "",
            )
        except (SpeechError, BankFull) as error:
            raise StepFailed(str(error)) from error
        return Played.DIGIT if cut else Played.FINISHED

    async def play(self, sources: Sequence[str], *, trusted: bool, stop_on_digit: bool = False) -> Played:
        """Play files or URLs; one that cannot be had is passed over, all of them fail the step."""
        sound = await self._heard()
        clips, problems = [], []
        for source in sources:
            try:
                clips.append(await self._sounds.clip(source, sound.rate, trusted=trusted))
            except (SoundError, BankFull) as error:
                problems.append(str(error))
                self._session.log.warning("sound not played", why=str(error))
        if not clips:
            raise StepFailed("; ".join(problems) or "nothing to play")
        stop = ANY_DIGIT if stop_on_digit else ""
        cut = await self._prompts.play(sound.leg, clips, stop_digits=stop)
        return Played.DIGIT if cut else Played.FINISHED

    async def beep(self) -> None:
        """Play the beep."""
        sound = await self._heard()
        try:
            clip = self._sounds.beep(sound.rate)
        except BankFull as error:
            raise StepFailed(str(error)) from error
        await self._prompts.play(sound.leg, [clip])

    async def send_digits(self, digits: str, *, duration: int, interval: int) -> None:
        """Send digits to the caller."""
        sound = await self._heard()
        await sound.leg.send_digits(digits, duration=duration, interval=interval)

    async def echo(self, seconds: float, *, stream: bool) -> None:
        """Return the caller's sound."""
        sound = await self._heard()
        sound.leg.echo("stream" if stream else "sound")
        try:
            await asyncio.sleep(seconds)
        finally:
            sound.leg.echo("off")

    async def connect(
        self,
        source: FlowAddress | None,
        destinations: Sequence[FlowAddress],
        *,
        ring_method: str,
        dial_timeout: float,
        early_media: bool,
        anonymous: str,
        answered: Callable[[str], None],
    ) -> ConnectResult:
        """Bridge the caller with somebody."""
        caller = self._session
        try:
            dialled = await self._connecting.connect(
                caller,
                self._originator(source, anonymous),
                [call_address(destination) for destination in destinations],
                linear=ring_method == "linear",
                seconds=dial_timeout,
                early_media=early_media,
                answered=answered,
            )
        except WorkerLost as error:
            raise StepFailed(str(error)) from error
        return _connect_result(dialled)

    async def call(
        self,
        source: FlowAddress | None,
        destinations: Sequence[FlowAddress],
        *,
        flow: Flow,
        chained: bool,
        early_execution: bool,
        anonymous: str,
    ) -> None:
        """Place calls of their own."""
        await self._place(
            self._session,
            self._originator(source, anonymous),
            [call_address(destination) for destination in destinations],
            flow,
            chained=chained,
            early_execution=early_execution,
        )

    def _originator(self, source: FlowAddress | None, anonymous: str) -> Originator:
        return self._session.call.originator(
            call_address(source) if source is not None else None,
            private={"yes": True, "no": False}.get(anonymous),
        )

    async def conference(self, name: str) -> Conference:
        """Return a conference of the directory."""
        conference = self._conferences(name)
        if conference is None:
            raise StepFailed(f"there is no conference '{name}'")
        return conference

    async def join(self, room: str, *, kind: str) -> None:
        """Put the caller into a room until it hangs up, is put out or, in a connect room, the last other one leaves."""
        if kind == "conference":
            self._session.answer()
        await self._heard()
        try:
            joined = self._rooms.enter(f"{kind}:{room}", self._session)
        except WorkerLost as error:
            raise StepFailed(str(error)) from error
        try:
            company = False
            while self._session in joined.members:
                company = company or len(joined.members) > 1
                if kind == "connect" and company and len(joined.members) == 1:
                    return
                if kind == "connect" and company:
                    self._session.answer()
                await joined.changed.wait()
        finally:
            self._rooms.leave(joined, self._session)

    async def mute(self, direction: str) -> None:
        """Leave out what the caller says or would hear."""
        await self._session.media_ready()
        self._session.mute("" if direction == "none" else direction)

    async def start_external_media(self, media: ExternalMedia) -> str:
        """Connect the call's sound with a program elsewhere."""
        await self._heard()
        terms = Terms(
            media.host,
            media.encapsulation,
            media.transport,
            media.transport_data,
            media.format,
            media.listen,
            media.speak,
        )
        try:
            return str((await self._externals.start(self._session, terms)).id)
        except (StreamRefused, WebError) as error:
            raise StepFailed(str(error)) from error

    async def stop_external_media(self) -> int:
        """End all external media of the call."""
        return self._externals.stop(self._session)

    async def record(
        self,
        terms: RecordingTerms,
        *,
        run_id: str,
        on_end: Flow | None,
        variables: Callable[[], Mapping[str, str]],
    ) -> Mapping[str, str]:
        """Begin to record the call."""
        made, self._recorded = await self._recording.start(
            self._session, terms, run_id=run_id, on_end=on_end, variables=variables
        )
        return made

    async def recording_over(self) -> Mapping[str, str]:
        """Wait for the end of the recording that was begun last."""
        return await asyncio.shield(self._recorded) if self._recorded is not None else {}

    async def stop_recording(self) -> bool:
        """End the recording of the call."""
        return self._recording.stop(self._session)

    async def await_media(self) -> None:
        """Let an unanswered caller be heard."""
        await self._heard()

    async def _heard(self) -> LegSound:
        self._session.progress()
        return await self._session.media_ready()


def _connect_result(dialled: Dialled) -> ConnectResult:
    if dialled.result == "answered":
        return ConnectResult("answered", "", call_id=dialled.call_id)
    reason = dialled.reason or f"SIP status {dialled.status}"
    result = dialled.result if dialled.result in _FAILURES else "failed"
    return ConnectResult(_FAILURES[result], reason, dialled.status, dialled.call_id)


_FAILURES: dict[str, Literal["busy", "noanswer", "refused", "unreachable", "failed"]] = {
    "busy": "busy",
    "noanswer": "noanswer",
    "refused": "refused",
    "unreachable": "unreachable",
    "failed": "failed",
}


def nothing() -> None:
    """Nobody wants to know."""
