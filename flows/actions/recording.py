"""Recordings of the call: `recording_start`, `recording_stop`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from flows.actions.base import ActionType, Context, Failure, Media, Outcome
from flows.model import NO_ID
from flows.ports import RecordingTerms, StepFailed

DAY = 86_400  # s
KEYS = r"^(none|any|[0-9*#A-D]*)$"


class RecordingStart(ActionType):
    """Record the call from now on, beside the following steps, until one of the options ends it or the call is over.

    The variables `voipbin.recording.*` tell of it at once. Left is what the caller says, right what it hears. When
    it is over and its file whole, `on_end_flow_id` runs without the call and with the variables of this run. From
    then on, there and after `wait`, `voipbin.recording.duration`, `.spoken` (seconds) and `.end_reason` are known.
    """

    type: ClassVar[str] = "recording_start"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    other_flow_keys: ClassVar[tuple[str, ...]] = ("on_end_flow_id",)

    format: Literal["", "wav", "ogg", "mp3"] = Field(default="wav", description="ogg is Vorbis")
    direction: Literal["", "both", "in", "out", "mix"] = Field(
        default="both",
        description="in: what the caller says; out: what it hears; both: in stereo; mix: in one",
    )
    end_of_silence: int = Field(default=0, ge=0, le=DAY, description="s of silence that end it; 0: none do")
    end_of_key: str = Field(
        default="", pattern=KEYS, max_length=16, description="none, any, or digits that end it"
    )
    duration: int = Field(default=0, ge=0, le=DAY, description="Longest time, s; 0: no limit")
    beep_start: bool = Field(default=False, description="Beep before it begins")
    wait: bool = Field(default=False, description="Go on with the next step when it is over, not at once")
    on_end_flow_id: str = Field(default="", description="Name or UUID of the flow that runs when it is over")

    async def execute(self, run: Context) -> Outcome:
        """Begin."""
        name = "" if self.on_end_flow_id == NO_ID else self.on_end_flow_id
        on_end = run.flows.get(name) if name else None
        if name and on_end is None:
            raise StepFailed(f"there is no flow '{self.on_end_flow_id}'")
        if self.beep_start and run.call.status() == "progressing":
            await run.call.beep()
        terms = RecordingTerms(
            self.format or "wav",
            self.direction or "both",
            self.end_of_silence,
            "" if self.end_of_key == "none" else self.end_of_key,
            self.duration,
        )
        made = await run.call.record(
            terms, run_id=run.id, on_end=on_end, variables=lambda: dict(run.variables)
        )
        _set(run, made)
        if self.wait:
            _set(run, await run.call.recording_over())
        return Outcome(made.get("voipbin.recording.id", ""))


def _set(run: Context, made: Mapping[str, str]) -> None:
    for name, value in made.items():
        run.variables.set(name, value, bounded=False)


class RecordingStop(ActionType):
    """End the recording of the call, if there is one."""

    type: ClassVar[str] = "recording_stop"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP

    async def execute(self, run: Context) -> Outcome:
        """End it."""
        return Outcome("" if await run.call.stop_recording() else "nothing was being recorded")
