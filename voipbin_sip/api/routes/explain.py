"""`/explain`: what would happen to a call, and by which rule. Ours; VoIPBIN has nothing like it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from voipbin_sip.api.auth import Managing, With
from voipbin_sip.api.errors import ApiError, invalid
from voipbin_sip.explain.explanation import Explanation
from voipbin_sip.explain.question import MAX_TEXT, BadQuestion, read_question

router = APIRouter(tags=["server"])


@router.get("/explain")
async def explain_call(
    found: With,
    who: Managing,
    to: Annotated[
        str, Query(min_length=1, max_length=MAX_TEXT, description="A number, an extension, a SIP URI")
    ],
    caller: Annotated[
        str, Query(alias="from", max_length=MAX_TEXT, description="The same, or `anonymous`")
    ] = "",
    source: Annotated[
        str, Query(max_length=MAX_TEXT, description="The address that it comes from, IP[:PORT]")
    ] = "",
    transport: Literal["udp", "tcp", "tls"] = "udp",
    resolve: Annotated[bool, Query(description="Ask DNS where hosts are")] = False,
) -> Explanation:
    """Say what would happen to a call, and by which rule. Nothing is sent and nothing is counted."""
    if found.explaining is None:
        raise ApiError("NOT_FOUND", "NO_SERVER", "there is no server around this API that takes calls")
    try:
        return await found.explaining.explain(read_question(to, caller, source, transport, resolve=resolve))
    except BadQuestion as error:
        raise invalid(str(error), "INVALID_REQUEST_PARAMETER") from error
