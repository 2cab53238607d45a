"""Steps for those who steer a run from outside: `block`, and the joint `empty`."""

from __future__ import annotations

from typing import ClassVar

from flows.actions.base import DONE, ActionType, Context, Media, Outcome


class Block(ActionType):
    """Wait until somebody lets the run go on: `POST /v1.0/activeflows/{id}/continue`.

    Only in runs that were begun by the API; on a call, and in what runs after it, it is skipped.
    """

    type: ClassVar[str] = "block"
    opens: ClassVar[bool] = True
    media: ClassVar[Media] = Media.NO_CALL
    waits: ClassVar[bool] = True

    async def execute(self, run: Context) -> Outcome:
        """Wait."""
        await run.proceed_asked()
        return DONE


class Empty(ActionType):
    """Do nothing: a place to jump to."""

    type: ClassVar[str] = "empty"

    async def execute(self, run: Context) -> Outcome:
        """Go on."""
        return DONE
