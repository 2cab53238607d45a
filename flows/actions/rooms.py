"""Rooms in which several callers talk: `confbridge_join`, `conference_join`, `mute`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from flows.actions.base import ActionType, Context, Failure, Media, Option, Outcome
from flows.actions.jumping import FetchFlow
from flows.ports import Address

ROOM = r"^[\w.:@-]+$"  # without {1,64}, which takes a pattern of Unicode letters 20 ms to compile


class ConfbridgeJoin(ActionType):
    """Put the caller into a room; the flow goes on when the caller leaves it and is still there.

    The room exists from its first caller to its last. In a room of type connect the first caller hears ringing until
    a second one comes, and the last one leaves with the last but one.
    """

    type: ClassVar[str] = "confbridge_join"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    confbridge_id: str = Field(
        pattern=ROOM, max_length=64, description="Any word or UUID: equal words meet in one room"
    )
    kind: Literal["connect", "conference"] = Field(
        default="connect",
        alias="type",
        description="conference: callers are answered at once and may be alone",
    )

    async def execute(self, run: Context) -> Outcome:
        """Join, and stay until the caller has left."""
        with run.digits.ignored():
            await run.call.join(self.confbridge_id, kind=self.kind)
        return Outcome("has left")


class ConferenceJoin(ActionType):
    """Put the caller into a conference of the directory; the flow goes on when the caller has left it.

    The conference's `pre_flow_id` runs before, its `post_flow_id` after it.
    """

    type: ClassVar[str] = "conference_join"
    media: ClassVar[Media] = Media.CALL
    waits: ClassVar[bool] = True

    conference_id: str = Field(pattern=ROOM, max_length=64, description="Name or UUID of the conference")

    @classmethod
    def addresses(cls, option: Option) -> Iterator[tuple[tuple[str, ...], Address]]:
        """Yield the conference."""
        name = option.get("conference_id")
        if isinstance(name, str) and "${" not in name:
            yield ("conference_id",), Address("conference", name)

    async def execute(self, run: Context) -> Outcome:
        """Go through the flow before, the room, and the flow after."""
        conference = await run.call.conference(self.conference_id)
        steps: list[tuple[str, ActionType]] = [
            ("join", ConfbridgeJoin(confbridge_id=conference.room, type="conference"))
        ]
        if conference.pre_flow:
            steps.insert(0, ("pre_flow", FetchFlow(flow_id=conference.pre_flow)))
        if conference.post_flow:
            steps.append(("post_flow", FetchFlow(flow_id=conference.post_flow)))
        return Outcome(f"conference '{self.conference_id}'", steps=tuple(steps))


class Mute(ActionType):
    """Mute the caller in bridges and rooms, from now on and in those that follow, until another `mute`."""

    type: ClassVar[str] = "mute"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP

    direction: Literal["in", "out", "both", "none"] = Field(
        default="in",
        description="in: the others do not hear the caller; out: the caller does not hear them; none: mute no more",
    )

    async def execute(self, run: Context) -> Outcome:
        """Mute."""
        await run.call.mute(self.direction)
        return Outcome(self.direction)
