"""Groupcalls as resources, and their end by the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from voipbin_sip.calls.call import Call, Change
from voipbin_sip.calls.groupcall import Groupcall, Groupcalls, GroupEvent
from voipbin_sip.platform.call_records import address_field
from voipbin_sip.platform.refused import WrongState
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.call import GroupcallResource

_EVENTS = {
    GroupEvent.CREATED: "groupcall_created",
    GroupEvent.PROGRESSING: "groupcall_progressing",
    GroupEvent.HANGUP: "groupcall_hangup",
}


class GroupcallRecords:
    """Watches groupcalls, and calls for theirs (calls.live.CallWatcher)."""

    def __init__(self, history: History, groupcalls: Groupcalls) -> None:
        self._history = history
        self._groupcalls = groupcalls
        self._live: dict[UUID, GroupcallResource] = {}
        groupcalls.subscribe(self._told)

    async def get(self, id_: UUID) -> GroupcallResource:
        """Return a groupcall. Raises NotFound, StoreUnavailable."""
        return self.now(id_) or await self._history.get(GroupcallResource, id_)

    def now(self, id_: UUID) -> GroupcallResource | None:
        """Return a groupcall that goes on as it is now."""
        self._refresh(id_)
        return self._live.get(id_)

    async def hang_up(self, id_: UUID) -> GroupcallResource:
        """End all calls of a groupcall. Raises NotFound, WrongState, StoreUnavailable."""
        record = await self.get(id_)
        group = self._groupcalls.get(id_)
        if group is None or not self._groupcalls.hang_up(group):
            raise WrongState(f"the groupcall {id_} is over")
        return self.now(id_) or await self._history.get(GroupcallResource, record.id)

    async def delete(self, id_: UUID) -> GroupcallResource:
        """End a groupcall if it goes on, and mark it as deleted. Raises NotFound, StoreUnavailable."""
        record = await self.get(id_)
        if record.tm_delete is not None:
            raise NotFound("groupcall", id_)
        group = self._groupcalls.get(id_)
        if group is not None:
            self._groupcalls.hang_up(group)
        self._live.pop(id_, None)
        return self._history.delete(await self._history.get(GroupcallResource, id_), "groupcall_deleted")

    # What calls tell

    def call_began(self, call: Call) -> None:
        """Count a call to its groupcall."""
        if call.groupcall_id is not None:
            self._refresh(call.groupcall_id)

    def call_changed(self, call: Call, change: Change) -> None:
        """Nothing: what counts is told by the groupcall."""

    def call_digit(self, call: Call, digit: str) -> None:
        """Nothing."""

    def _told(self, event: GroupEvent, group: Groupcall) -> None:
        if event is GroupEvent.CREATED:
            record = GroupcallResource(
                id=group.id,
                owner_type="agent" if group.owner_id else "",
                owner_id=group.owner_id or NO_UUID,
                flow_id=group.flow_id or NO_UUID,
                source=address_field(group.source),
                destinations=[address_field(address) for address in group.destinations],
                master_call_id=group.master_call_id or NO_UUID,
                **_state(group),
            )
            self._live[group.id] = self._history.begin(record, "groupcall_created")
        elif (known := self._live.get(group.id)) is not None:
            self._live[group.id] = self._history.put(known.changed(**_state(group)), _EVENTS[event])
            if event is GroupEvent.HANGUP:
                del self._live[group.id]

    def _refresh(self, id_: UUID) -> None:
        record, group = self._live.get(id_), self._groupcalls.get(id_)
        if record is not None and group is not None:
            fresh = record.changed(**_state(group))
            if fresh != record:
                self._live[id_] = self._history.put(fresh)


def _state(group: Groupcall) -> dict[str, Any]:
    return {
        "status": str(group.status),
        "ring_method": str(group.ring_method),
        "answer_method": str(group.answer_method),
        "answer_call_id": group.answer_call_id or NO_UUID,
        "call_ids": [*group.call_ids],
        "call_count": group.call_count,
        "dial_index": group.dial_index,
    }
