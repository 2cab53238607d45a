"""`/transfers`: who talks to a call is handed on to somebody else."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter

from voipbin_sip.api.auth import Managing
from voipbin_sip.api.living import Calling
from voipbin_sip.api.routes.addresses import Destinations, fields
from voipbin_sip.api.routes.body import Body
from voipbin_sip.resources.kinds.call import TransferResource

router = APIRouter(prefix="/transfers", tags=["transfers"])


class NewTransfer(Body):
    """A transfer to begin."""

    transfer_type: Literal["attended", "blind"]
    transferer_call_id: UUID
    transferee_addresses: Destinations


@router.post("")
async def create_transfer(live: Calling, who: Managing, body: NewTransfer) -> TransferResource:
    """Begin a transfer by a call that is in a bridge.

    blind: the call is hung up, who stays hears ringing until one of the addresses answers.
    attended: who stays hears music while the call talks to who answers; when it hangs up, the other two talk.
    """
    return await live.transfers.begin(
        body.transfer_type, body.transferer_call_id, fields(body.transferee_addresses)
    )
