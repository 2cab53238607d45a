"""Where flows meet calls: starts a run for each call and does on the call what the run's steps ask.

The only module that knows both the interpreter and the calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from flows import FlowSet, Run, RunLimits
from flows.ports import Played, StepFailed, StepRecord
from media.client import BankFull
from voipbin_sip.calls.admission import Admitted
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.sounds.errors import SoundError
from voipbin_sip.sounds.library import SoundLibrary
from voipbin_sip.sounds.prompts import ANY_DIGIT, Prompts
from voipbin_sip.speech import Prompt, SpeechError

TRACED_STEPS = 200  # kept per run
RING_AFTER = 0.05  # seconds: a flow that has not answered by then lets the caller hear ringing


class RealClock:
    """The clock of the server."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return asyncio.get_running_loop().time()

    def utc(self) -> datetime:
        """Return the wall clock."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class RunTrace:
    """The last steps of one run, also written to the log."""

    def __init__(self, call: str) -> None:
        self.records: deque[StepRecord] = deque(maxlen=TRACED_STEPS)
        self._log = structlog.get_logger("flow").bind(call=call)

    def step(self, record: StepRecord) -> None:
        """Take one finished step."""
        self.records.append(record)
        level = self._log.warning if record.outcome in ("failed", "skipped") else self._log.debug
        level(
            "step",
            flow=record.flow,
            step=record.step_id,
            type=record.type,
            at=str(record.origin) if record.origin else "",
            outcome=record.outcome,
            detail=record.detail,
            ms=round(record.seconds * 1000),
        )


class CallSteps:
    """One call for the interpreter (flows.ports.CallPort)."""

    def __init__(self, session: CallSession, prompts: Prompts, sounds: SoundLibrary) -> None:
        self._session = session
        self._prompts = prompts
        self._sounds = sounds

    def status(self) -> str:
        """Return the call's status."""
        return str(self._session.call.status)

    async def answer(self) -> None:
        """Answer the call."""
        self._session.answer()

    async def hang_up(self, reason: str) -> None:
        """End the call."""
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
        await self._prompts.play(sound.leg, [self._sounds.beep(sound.rate)])

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

    async def await_media(self) -> None:
        """Let an unanswered caller be heard."""
        await self._heard()

    async def _heard(self) -> LegSound:
        self._session.progress()
        return await self._session.media_ready()


def spoken_prompts(flows: FlowSet) -> list[Prompt]:
    """Return what the `talk` steps of all flows say."""
    return [
        Prompt(
            str(action.option.get("text", "")),
            str(action.option.get("language") or "en-US"),
            str(action.option.get("provider") or ""),
            str(action.option.get("voice_id") or ""),
        )
        for flow in flows
        for action in flow.actions
        if action.type == "talk"
    ]


class FlowHost:
    """Runs flows on calls.

    Args:
        flows: gives the flows of now; each run keeps the set that it started with.
    """

    def __init__(
        self,
        flows: Callable[[], FlowSet],
        prompts: Prompts,
        sounds: SoundLibrary,
        limits: RunLimits,
    ) -> None:
        self._flows = flows
        self._prompts = prompts
        self._sounds = sounds
        self._limits = limits
        self._clock = RealClock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, session: CallSession, admitted: Admitted) -> None:
        """Run the flow of a new call."""
        task = asyncio.get_running_loop().create_task(self._serve(session, admitted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, session: CallSession, admitted: Admitted) -> None:
        """Run the call's flow, and then what it names with on_complete_flow_id."""
        flows, trace = self._flows(), RunTrace(str(session.call.id))
        flow = flows.get(admitted.flow)
        if flow is None:  # the directory was checked against the flows, so this is a fault of ours
            session.refuse(500, "Flow not found")
            return
        run = Run(
            flows,
            flow,
            call=CallSteps(session, self._prompts, self._sounds),
            clock=self._clock,
            trace=trace,
            variables=session.call.variables()
            | {
                "voipbin.activeflow.reference_type": "call",
                "voipbin.activeflow.reference_id": str(session.call.id),
            },
            limits=self._limits,
        )
        session.pressed = run.digit
        session.over = lambda: run.stop("call ended")
        if session.call.is_over:  # it was cancelled before this task had its turn
            return
        asyncio.get_running_loop().call_later(RING_AFTER, session.ring)
        try:
            result = await run.execute()
            while result.next_flow is not None:
                follow_up = Run(
                    flows,
                    result.next_flow,
                    call=None,
                    clock=self._clock,
                    trace=trace,
                    variables=result.variables,
                    limits=self._limits,
                    complete_count=result.complete_count,
                )
                result = await follow_up.execute()
        except Exception:
            session.log.exception("flow broke", flow=admitted.flow)
            session.refuse(500, "Internal error")

    async def close(self) -> None:
        """Stop all runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
