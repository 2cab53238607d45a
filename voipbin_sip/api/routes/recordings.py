"""Recordings: begun and stopped on calls and conferences, listed, deleted."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from voipbin_sip.api.auth import Managing, With
from voipbin_sip.api.living import Calling
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body, Whole
from voipbin_sip.recordings.terms import MAX_SECONDS, Terms
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.kinds.recording import RecordingResource

router = APIRouter(tags=["recordings"])


class ConferenceRecording(Body):
    """How to record."""

    format: Literal["", "wav", "ogg", "mp3"] = "wav"
    duration: Annotated[
        Whole, Field(ge=0, le=MAX_SECONDS, description="longest time, s; 0: as long as it may be")
    ] = 0
    on_end_flow_id: Annotated[Id, Field(description="flow that runs when it is over")] = NO_UUID

    def terms(self) -> Terms:
        """Return it as recordings take it."""
        return Terms(self.format or "wav", duration=self.duration)


class CallRecording(ConferenceRecording):
    """The same for a call; `direction` is ours: in = what the call says, out = what it hears, both = in stereo."""

    end_of_silence: Annotated[Whole, Field(ge=0, le=MAX_SECONDS, description="s; 0: none ends it")] = 0
    end_of_key: Annotated[
        str, Field(pattern=r"^(none|any|[0-9*#A-D]{0,16})$", description="none, any, or digits")
    ] = ""
    direction: Literal["", "both", "in", "out", "mix"] = "both"

    def terms(self) -> Terms:
        """Return it as recordings take it."""
        return Terms(
            self.format or "wav",
            self.direction or "both",
            self.end_of_silence,
            self.end_of_key,
            self.duration,
        )


@router.post("/calls/{call_id}/recording_start")
async def start_call_recording(
    calling: Calling, who: Managing, call_id: UUID, body: CallRecording
) -> CallResource:
    """Begin to record a call."""
    return await calling.recordings.start_call(call_id, body.terms(), body.on_end_flow_id)


@router.post("/calls/{call_id}/recording_stop")
async def stop_call_recording(calling: Calling, who: Managing, call_id: UUID) -> CallResource:
    """End the recording of a call."""
    return await calling.recordings.stop_call(call_id)


@router.post("/conferences/{conference_id}/recording_start")
async def start_conference_recording(
    calling: Calling, who: Managing, conference_id: UUID, body: ConferenceRecording
) -> ConferenceResource:
    """Begin to record what is said in a conference, until everybody has left."""
    return await calling.recordings.start_conference(conference_id, body.terms(), body.on_end_flow_id)


@router.post("/conferences/{conference_id}/recording_stop")
async def stop_conference_recording(
    calling: Calling, who: Managing, conference_id: UUID
) -> ConferenceResource:
    """End the recording of a conference."""
    return calling.recordings.stop_conference(conference_id)


@router.get("/recordings")
async def list_recordings(
    found: With,
    who: Managing,
    paging: Paging,
    reference_id: Annotated[UUID | None, Query(description="of one call or conference")] = None,
) -> Page[RecordingResource]:
    """List recordings."""
    return paging.page(
        await found.history.page(
            RecordingResource, before=paging.before, size=paging.size, reference_id=reference_id
        )
    )


@router.get("/recordings/{recording_id}")
async def get_recording(found: With, who: Managing, recording_id: UUID) -> RecordingResource:
    """Return a recording."""
    return await found.history.get(RecordingResource, recording_id)


@router.delete("/recordings/{recording_id}")
async def delete_recording(found: With, who: Managing, recording_id: UUID) -> RecordingResource:
    """Delete a recording with its files; one that goes on has to be stopped first."""
    return await found.shelf.delete_recording(recording_id, "recording_deleted")
