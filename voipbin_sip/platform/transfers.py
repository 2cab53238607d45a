"""Transfers that the API asks for, as resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID, uuid4

from voipbin_sip.calls.handover import Handover, NotPossible
from voipbin_sip.platform.call_records import call_address
from voipbin_sip.platform.calls import CallControl
from voipbin_sip.platform.refused import WrongState
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.call import TransferResource
from voipbin_sip.resources.kinds.fields import AddressField


class Transfers:
    """Begins transfers and keeps their records."""

    def __init__(self, history: History, calls: CallControl, handover: Handover) -> None:
        self._history = history
        self._calls = calls
        self._handover = handover

    async def begin(
        self, kind: Literal["attended", "blind"], call_id: UUID, to: Sequence[AddressField]
    ) -> TransferResource:
        """Transfer who talks to a call to somebody else. Raises NotFound, WrongState, StoreUnavailable."""
        session = await self._calls.session(call_id, answered=True)
        id_, answers = uuid4(), list[UUID]()
        records: list[TransferResource] = []

        def answered(by: UUID) -> None:
            answers.append(by)
            if records:
                records[0] = self._history.put(records[0].changed(transferee_call_id=by), "transfer_updated")

        try:
            begun = await self._handover.begin(
                session,
                [call_address(address) for address in to],
                attended=kind == "attended",
                answered=answered,
            )
        except NotPossible as error:
            raise WrongState(str(error)) from error
        record = TransferResource(
            id=id_,
            type=kind,
            transferer_call_id=call_id,
            transferee_addresses=[*to],
            transferee_call_id=answers[0] if answers else NO_UUID,
            groupcall_id=begun.group.id,
            confbridge_id=begun.bridge_id,
        )
        records.append(self._history.begin(record, "transfer_created"))
        return records[0]
