"""Answering, hanging up and stopping: `answer`, `hangup`, `stop`."""

from __future__ import annotations

from typing import ClassVar, Literal

from flows.actions.base import DONE, ActionType, Context, Ending, Failure, Media, Outcome


class Answer(ActionType):
    """Answer the call. A call that is answered already passes through."""

    type: ClassVar[str] = "answer"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP

    async def execute(self, run: Context) -> Outcome:
        """Answer."""
        await run.call.answer()
        return DONE


class Hangup(ActionType):
    """Hang the call up and end the run."""

    type: ClassVar[str] = "hangup"
    media: ClassVar[Media] = Media.CALL
    goes_on: ClassVar[bool] = False
    ends: ClassVar[bool] = True
    unavailable: ClassVar[tuple[str, ...]] = ("reference_id",)

    reason: Literal["normal", "failed", "busy", "cancel", "timeout", "noanswer", "dialout", "amd"] = "normal"

    async def execute(self, run: Context) -> Outcome:
        """Hang up; should that fail, the end of the run hangs up with reason normal."""
        await run.call.hang_up(self.reason)
        return Outcome(self.reason, ending=Ending.HANG_UP)


class Stop(ActionType):
    """End the run; an attached call is hung up."""

    type: ClassVar[str] = "stop"
    goes_on: ClassVar[bool] = False
    ends: ClassVar[bool] = True

    async def execute(self, run: Context) -> Outcome:
        """End the run."""
        return Outcome(ending=Ending.STOP)
