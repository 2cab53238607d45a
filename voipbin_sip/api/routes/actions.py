"""Actions in the bodies of requests, as VoIPBIN's clients write them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from voipbin_sip.api.routes.body import Json


class Action(BaseModel):
    """One step of a flow; its options are checked by its type."""

    model_config = ConfigDict(extra="allow")  # what nobody knows, the check of the flow tells of

    __pydantic_extra__: dict[str, Json]

    id: Annotated[str | None, Field(description="UUID or word; empty: one is made")] = None
    next_id: Annotated[str | None, Field(description="step to go on with instead of the following one")] = (
        None
    )
    type: str
    option: dict[str, Json] | None = None


Actions = Annotated[list[Action], Field(max_length=5000)]


def as_sent(actions: list[Action]) -> list[dict[str, Any]]:
    """Return actions as the client wrote them."""
    return [action.model_dump(exclude_unset=True) for action in actions]
