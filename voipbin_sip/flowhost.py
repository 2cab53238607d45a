"""Where flows meet calls: starts a run for each call and does on the call what the run's steps ask.

The only module that knows both the interpreter and the calls.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import structlog

from flows import Flow, FlowSet, Run, RunLimits, load_flow_text
from flows.ports import Address as FlowAddress
from flows.ports import Conference, ConnectResult, Played, StepFailed, StepRecord
from media.client import BankFull
from voipbin_sip.calls.admission import Admitted
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.connecting import Connecting
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.sound import LegSound
from voipbin_sip.calls.states import Status
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


@dataclass(frozen=True, slots=True)
class Parts:
    """What steps work with."""

    prompts: Prompts
    sounds: SoundLibrary
    connecting: Connecting
    rooms: Rooms
    conferences: Callable[[str], Conference | None]


class CallSteps:
    """One call for the interpreter (flows.ports.CallPort)."""

    def __init__(self, session: CallSession, parts: Parts) -> None:
        self._session = session
        self._prompts = parts.prompts
        self._sounds = parts.sounds
        self._connecting = parts.connecting
        self._rooms = parts.rooms
        self._conferences = parts.conferences

    def status(self) -> str:
        """Return the call's status."""
        return str(self._session.call.status)

    async def answer(self) -> None:
        """Answer the call."""
        self._session.answer()

    async def hang_up(self, reason: str, *, reference_id: str = "", status: int = 0) -> None:
        """End the call."""
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
        if not isinstance(caller, IncomingSession):
            raise StepFailed("only incoming calls can be connected yet")
        dialled = await self._connecting.connect(
            caller,
            _address(source) if source is not None else caller.call.source,
            [_address(destination) for destination in destinations],
            linear=ring_method == "linear",
            seconds=dial_timeout,
            early_media=early_media,
            answered=answered,
        )
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
        raise StepFailed("call is not available yet")

    async def conference(self, name: str) -> Conference:
        """Return a conference of the directory."""
        conference = self._conferences(name)
        if conference is None:
            raise StepFailed(f"there is no conference '{name}'")
        return conference

    async def join(self, room: str, *, kind: str) -> None:
        """Put the caller into a room until it hangs up or, in a connect room, the last other one leaves."""
        if kind == "conference":
            self._session.answer()
        await self._heard()
        joined = self._rooms.enter(f"{kind}:{room}", self._session)
        try:
            company = False
            while True:
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
        sound = await self._session.media_ready()
        sound.leg.mute("" if direction == "none" else direction)

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
        parts: Parts,
        limits: RunLimits,
    ) -> None:
        self._flows = flows
        self._parts = parts
        self._limits = limits
        self._clock = RealClock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, session: IncomingSession, admitted: Admitted) -> None:
        """Run the flow of a new call."""
        task = asyncio.get_running_loop().create_task(self._serve(session, admitted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, session: IncomingSession, admitted: Admitted) -> None:
        """Run the call's flow, and then what it names with on_complete_flow_id."""
        flows, trace = self._flows(), RunTrace(str(session.call.id))
        flow = flows.get(admitted.flow) if admitted.connect is None else _direct(admitted.connect)
        if flow is None:  # the directory was checked against the flows, so this is a fault of ours
            session.refuse(500, "Flow not found")
            return
        run = Run(
            flows,
            flow,
            call=CallSteps(session, self._parts),
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


def _address(address: FlowAddress) -> Address:
    return Address(address.type, address.target, address.target_name, address.name, address.detail)


def _connect_result(dialled: Dialled) -> ConnectResult:
    call_id = str(dialled.session.call.id) if dialled.session is not None else ""
    if dialled.result == "answered":
        return ConnectResult("answered", "", call_id=call_id)
    reason = dialled.reason or f"SIP status {dialled.status}"
    result = dialled.result if dialled.result in _FAILURES else "failed"
    return ConnectResult(_FAILURES[result], reason, dialled.status, call_id)


_FAILURES: dict[str, Literal["busy", "noanswer", "refused", "unreachable", "failed"]] = {
    "busy": "busy",
    "noanswer": "noanswer",
    "refused": "refused",
    "unreachable": "unreachable",
    "failed": "failed",
}


def _direct(to: Address) -> Flow:
    """Return the flow of a phone that dials another one."""
    step = {
        "type": "connect",
        "option": {
            "destinations": [{"type": to.type, "target": to.target}],
            "early_media": True,
            "relay_reason": True,
        },
    }
    flow, findings = load_flow_text(json.dumps({"name": "direct", "actions": [step]}), Path("direct"))
    assert flow is not None, findings
    return flow
