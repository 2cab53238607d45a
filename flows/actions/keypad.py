"""Digits in and out: `digits_receive`, `digits_send`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flows.actions.base import DONE, ActionType, Context, Failure, Media, Outcome

HOUR = 3_600_000  # ms, the longest that a step may take: a call lasts no longer


class DigitsReceive(ActionType):
    """Collect digits into `voipbin.call.digits`; digits typed during the prompt before it count."""

    type: ClassVar[str] = "digits_receive"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    duration: int = Field(ge=0, le=HOUR, description="Time for all digits together, ms")
    length: int = Field(default=1, ge=0, le=100, description="Number of digits that ends it; 0: no limit")
    key: str = Field(
        default="",
        max_length=16,
        pattern=r"^[0-9A-D#*]*$",
        description="Each character ends it when typed, and stays in the value",
    )

    async def execute(self, run: Context) -> Outcome:
        """Collect until length, key or time."""
        if run.call.status() != "progressing":
            await run.call.await_media()
        complete = await run.digits.collect(
            run.clock, length=self.length, keys=self.key, seconds=self.duration / 1000
        )
        return Outcome("complete") if complete else Outcome("time is over")


class DigitsSend(ActionType):
    """Send digits to the caller's side."""

    type: ClassVar[str] = "digits_send"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    digits: str = Field(min_length=1, max_length=100, pattern=r"^[0-9A-D#*]*$", description="Digits to send")
    duration: int = Field(default=100, ge=100, le=1000, description="ms for each tone")
    interval: int = Field(default=100, ge=0, le=5000, description="ms between tones")

    async def execute(self, run: Context) -> Outcome:
        """Send."""
        await run.call.send_digits(self.digits, duration=self.duration, interval=self.interval)
        return DONE
