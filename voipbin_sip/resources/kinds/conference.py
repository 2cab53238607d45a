"""Conferences, who is in them, and the bridges below."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from voipbin_sip.resources.base import NO_UUID, Links, Resource
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.stamps import Stamp


class ConferenceResource(Resource):
    """A room that people call into."""

    kind: ClassVar[str] = "conference"

    type: Literal["", "conference", "connect", "queue"] = "conference"
    status: Literal["starting", "progressing", "terminating", "terminated"] = "progressing"
    name: str = ""
    detail: str = ""
    data: dict[str, Any] = Field(default={})
    timeout: int = 0  # seconds until it is deleted; 0 = never
    pre_flow_id: Id = NO_UUID
    post_flow_id: Id = NO_UUID
    conferencecall_ids: list[UUID] = Field(default=[])
    recording_id: UUID = NO_UUID
    recording_ids: list[UUID] = Field(default=[])
    transcribe_id: UUID = NO_UUID
    transcribe_ids: list[UUID] = Field(default=[])
    direct_hash: str = ""
    tm_end: Stamp | None = None


class ConferencecallResource(Resource):
    """One call in a conference."""

    kind: ClassVar[str] = "conferencecall"

    activeflow_id: UUID = NO_UUID
    conference_id: UUID = NO_UUID
    reference_type: Literal["call"] = "call"
    reference_id: UUID = NO_UUID
    status: Literal["joining", "joined", "leaving", "leaved"] = "joining"

    def links(self) -> Links:
        """Return its run and its conference."""
        return Links(activeflow_id=self.activeflow_id, reference_id=self.conference_id)
