"""Answering, hanging up and stopping: `answer`, `hangup`, `stop`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from flows.actions.base import DONE, ActionType, Context, Ending, Failure, Media, Outcome
from flows.model import as_uuid


def _call_id(text: str) -> str:
    if text and as_uuid(text) is None:
        raise ValueError("is not the UUID of a call")
    return text


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

    reason: Literal["normal", "failed", "busy", "cancel", "timeout", "noanswer", "dialout", "amd"] = Field(
        default="normal", description="What the caller is told; before the answer as SIP status: busy is 486"
    )
    reference_id: Annotated[str, AfterValidator(_call_id)] = Field(
        default="", description="UUID of an ended call: end with its SIP status instead; not ended: normal"
    )

    async def execute(self, run: Context) -> Outcome:
        """Hang up; should that fail, the end of the run hangs up with reason normal."""
        await run.hang_up(self.reason, reference_id=self.reference_id)
        return Outcome("as another call" if self.reference_id else self.reason, ending=Ending.HANG_UP)


class Stop(ActionType):
    """End the run; an attached call is hung up."""

    type: ClassVar[str] = "stop"
    goes_on: ClassVar[bool] = False
    ends: ClassVar[bool] = True

    async def execute(self, run: Context) -> Outcome:
        """End the run."""
        return Outcome(ending=Ending.STOP)
