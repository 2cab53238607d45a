"""Calls and groups of calls as the API shows them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from voipbin_sip.resources.base import NO_UUID, Links, Resource
from voipbin_sip.resources.kinds.fields import AddressField
from voipbin_sip.resources.stamps import Stamp

CallStatus = Literal["dialing", "ringing", "progressing", "terminating", "canceling", "hangup"]
MuteDirection = Literal["", "in", "out", "both"]


class CallResource(Resource):
    """One call leg."""

    kind: ClassVar[str] = "call"

    owner_type: str = ""
    owner_id: UUID = NO_UUID
    flow_id: UUID = NO_UUID
    activeflow_id: UUID = NO_UUID
    confbridge_id: UUID = NO_UUID
    type: str = "flow"
    master_call_id: UUID = NO_UUID
    chained_call_ids: list[UUID] = Field(default=[])
    recording_id: UUID = NO_UUID
    recording_ids: list[UUID] = Field(default=[])
    groupcall_id: UUID = NO_UUID
    source: AddressField = AddressField()
    destination: AddressField = AddressField()
    status: CallStatus = "dialing"
    direction: Literal["incoming", "outgoing"] = "incoming"
    mute_direction: MuteDirection = ""
    action: dict[str, Any] = Field(default={})  # the step that runs on it now
    metadata: dict[str, Any] = Field(default={})
    hangup_by: Literal["", "local", "remote"] = ""
    hangup_reason: str = ""
    tm_ringing: Stamp | None = None
    tm_progressing: Stamp | None = None
    tm_hangup: Stamp | None = None
    # Ours, for those who ask why: SIP status and words of the end, and how it sounded.
    sip_status: int = 0
    sip_reason: str = ""
    end_reason: str = ""  # who ended it and why, in words
    quality: dict[str, Any] = Field(default={})

    def links(self) -> Links:
        """Return its run and its agent."""
        return Links(
            activeflow_id=self.activeflow_id, owner_id=self.owner_id, reference_id=self.master_call_id
        )


class GroupcallResource(Resource):
    """Calls that ring together until one is answered."""

    kind: ClassVar[str] = "groupcall"

    owner_type: str = ""
    owner_id: UUID = NO_UUID
    flow_id: UUID = NO_UUID
    source: AddressField = AddressField()
    destinations: list[AddressField] = Field(default=[])
    master_call_id: UUID = NO_UUID
    master_groupcall_id: UUID = NO_UUID
    status: Literal["progressing", "hangingup", "hangup"] = "progressing"
    ring_method: Literal["", "ring_all", "linear"] = "ring_all"
    answer_method: Literal["", "hangup_others"] = "hangup_others"
    answer_call_id: UUID = NO_UUID
    answer_groupcall_id: UUID = NO_UUID
    call_ids: list[UUID] = Field(default=[])
    groupcall_ids: list[UUID] = Field(default=[])
    call_count: int = 0
    groupcall_count: int = 0
    dial_index: int = 0

    def links(self) -> Links:
        """Return its agent and the call that it rings for."""
        return Links(owner_id=self.owner_id, reference_id=self.master_call_id)


class TransferResource(Resource):
    """A transfer that the API asked for."""

    kind: ClassVar[str] = "transfer"

    type: Literal["attended", "blind"] = "blind"
    transferer_call_id: UUID = NO_UUID
    transferee_addresses: list[AddressField] = Field(default=[])
    transferee_call_id: UUID = NO_UUID
    groupcall_id: UUID = NO_UUID
    confbridge_id: UUID = NO_UUID
