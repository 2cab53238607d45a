"""The record of every call, kept up to date while the call goes on, with VoIPBIN's events in VoIPBIN's order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from voipbin_sip.calls.call import Address, Call, Change
from voipbin_sip.calls.states import Direction, Status
from voipbin_sip.observe.detail import quality_fields
from voipbin_sip.observe.ends import why_ended
from voipbin_sip.platform.owners import Owners
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.resources.kinds.fields import AddressField
from voipbin_sip.resources.ledger import Ledger

MAX_ENDED = 1000  # calls whose last word on their sound is waited for


@dataclass(frozen=True, slots=True)
class RunOf:
    """The run of a call."""

    activeflow_id: UUID = NO_UUID
    flow_id: UUID = NO_UUID


class CallRecords:
    """Watches calls (calls.live.CallWatcher).

    A call that comes in is entered when its run begins, after that, or when something happens to it before.

    Attributes:
        ended: is told each call that is over, after its last event.
    """

    def __init__(self, ledger: Ledger, history: History, owners: Owners) -> None:
        self._ledger = ledger
        self._history = history
        self._owners = owners
        self._live: dict[UUID, CallResource] = {}
        self._new: dict[UUID, CallResource] = {}  # came in, and not entered yet
        self._ended: OrderedDict[UUID, CallResource] = OrderedDict()
        self._runs: dict[UUID, RunOf] = {}  # of calls that are about to begin
        self.ended: list[Callable[[Call, CallResource], None]] = []

    def get(self, call_id: UUID) -> CallResource | None:
        """Return the record of a call that goes on."""
        return self._live.get(call_id) or self._new.get(call_id)

    def expect(self, call_id: UUID, run: RunOf) -> None:
        """Name the run that a call is about to be placed for."""
        self._runs[call_id] = run

    def forget(self, call_id: UUID) -> None:
        """Write no more of an ended call, which was deleted."""
        self._ended.pop(call_id, None)

    # What calls tell

    def call_began(self, call: Call) -> None:
        """Take a new call."""
        record = self._record(call, self._runs.pop(call.id, RunOf()))
        if call.direction is Direction.INCOMING:
            self._new[call.id] = record
        else:
            self._live[call.id] = self._history.begin(record, "call_created", "call_dialing")

    def call_changed(self, call: Call, change: Change) -> None:
        """Take what is new of a call."""
        self._enter(call.id)
        record = self._live.get(call.id)
        if change is Change.QUALITY:
            self._measured(call)
        elif record is None:
            return
        elif change is not Change.STATUS:
            self._put(record, "call_updated", **_places(call))
        elif call.is_over:
            self._over(call, record)
        else:
            moment = {f"tm_{call.status}": call.times[call.status]} if call.status in _TIMED else {}
            self._put(record, f"call_{call.status}", status=str(call.status), **moment)

    def call_digit(self, call: Call, digit: str) -> None:
        """Tell of a digit."""
        self._enter(call.id)
        record = self._live.get(call.id)
        if record is not None:
            data = {
                "call_id": str(call.id),
                "activeflow_id": str(record.activeflow_id),
                "digit": digit,
            }
            self._ledger.note(record, "dtmf_received", data)

    # What runs tell

    def run_began(self, call_id: UUID, run: RunOf) -> None:
        """Note which run goes on on a call."""
        fields = {"activeflow_id": run.activeflow_id, "flow_id": run.flow_id}
        if call_id in self._new:
            self._new[call_id] = self._new[call_id].changed(**fields)
            self._enter(call_id)
        elif (record := self._live.get(call_id)) is not None and record.activeflow_id != run.activeflow_id:
            self._live[call_id] = record.changed(**fields)

    def step_began(self, call_id: UUID, action: Mapping[str, Any]) -> None:
        """Note which step goes on on a call."""
        if (record := self._live.get(call_id)) is not None:
            self._put(record, "call_updated", action=dict(action))

    # What others tell

    def change(self, call_id: UUID, **fields: Any) -> None:
        """Note something else of a call that goes on."""
        self._enter(call_id)
        if (record := self._live.get(call_id)) is not None:
            self._put(record, "call_updated", **fields)

    def _record(self, call: Call, run: RunOf) -> CallResource:
        incoming = call.direction is Direction.INCOMING
        owner = self._owners.of(call.source if incoming else call.destination)
        return CallResource(
            id=call.id,
            owner_type="agent" if owner.int else "",
            owner_id=owner,
            flow_id=run.flow_id,
            activeflow_id=run.activeflow_id,
            source=address_field(call.source),
            destination=address_field(call.destination),
            status=str(call.status),  # type: ignore[arg-type]
            direction=str(call.direction),  # type: ignore[arg-type]
            groupcall_id=call.groupcall_id or NO_UUID,
            **_places(call),
        )

    def _enter(self, call_id: UUID) -> None:
        if (record := self._new.pop(call_id, None)) is not None:
            self._live[call_id] = self._history.begin(record, "call_created")

    def _put(self, record: CallResource, event: str, **fields: Any) -> None:
        self._live[record.id] = self._history.put(record, event, **fields)

    def _over(self, call: Call, record: CallResource) -> None:
        del self._live[call.id]
        record = self._history.put(
            record,
            "call_hangup",
            status="hangup",
            tm_hangup=call.times[Status.HANGUP],
            hangup_by=call.hangup_by,
            hangup_reason=call.hangup_reason,
            sip_status=call.sip_status,
            sip_reason=call.sip_reason,
            confbridge_id=NO_UUID,
            recording_id=NO_UUID,
            quality=quality_fields(call),
            end_reason=why_ended(call),
        )
        self._ended[call.id] = record
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
        for listener in self.ended:
            listener(call, record)

    def _measured(self, call: Call) -> None:
        if (record := self._ended.pop(call.id, None)) is not None:
            self._history.put(record, touch=False, quality=quality_fields(call))


_TIMED = frozenset({Status.RINGING, Status.PROGRESSING})


def address_field(address: Address) -> AddressField:
    """Return an address of a call as the API shows it."""
    return AddressField(
        type=address.type,
        target=address.target,
        target_name=address.target_name,
        name=address.name,
        detail=address.detail,
    )


def call_address(address: AddressField) -> Address:
    """Return an address of the API as calls know it."""
    return Address(address.type, address.target, address.target_name, address.name, address.detail)


def _places(call: Call) -> dict[str, Any]:
    return {
        "master_call_id": call.master_call_id or NO_UUID,
        "chained_call_ids": [*call.chained_call_ids],
        "confbridge_id": call.confbridge_id or NO_UUID,
        "mute_direction": call.mute_direction,
    }
