"""Steps that let time pass: `sleep`, `echo`, `stream_echo`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flows.actions.base import DONE, ActionType, Context, Failure, Media, Outcome
from flows.actions.keypad import HOUR

ECHO_DEFAULT = 180_000  # ms


class Sleep(ActionType):
    """Wait."""

    type: ClassVar[str] = "sleep"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    duration: int = Field(default=0, ge=0, le=HOUR, description="ms")

    async def execute(self, run: Context) -> Outcome:
        """Wait."""
        if self.duration:
            await run.clock.sleep(self.duration / 1000)
        return DONE


class Echo(ActionType):
    """Return the caller's sound."""

    type: ClassVar[str] = "echo"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    duration: int = Field(default=ECHO_DEFAULT, le=HOUR, description="ms; 0 or less: three minutes")

    async def execute(self, run: Context) -> Outcome:
        """Return sound for the time."""
        return await _echo(run, self.duration, stream=False)


class StreamEcho(ActionType):
    """Return the caller's packets, events of digits included."""

    type: ClassVar[str] = "stream_echo"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    duration: int = Field(default=ECHO_DEFAULT, le=HOUR, description="ms; 0 or less: three minutes")

    async def execute(self, run: Context) -> Outcome:
        """Return packets for the time."""
        return await _echo(run, self.duration, stream=True)


async def _echo(run: Context, duration: int, *, stream: bool) -> Outcome:
    if run.call.status() != "progressing":
        await run.call.await_media()
    milliseconds = duration if duration > 0 else ECHO_DEFAULT
    await run.call.echo(milliseconds / 1000, stream=stream)
    return DONE
