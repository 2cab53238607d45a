"""Calls that are over, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from voipbin_sip.calls.call import Address, Call
from voipbin_sip.calls.quality import Direction as Way
from voipbin_sip.calls.quality import Quality
from voipbin_sip.calls.states import Direction, Status

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = Quality(Way(500, 0, 0.5), Way(500, 5, 1.0), 0, 0, 20.0)


def ended(
    direction: Direction = Direction.INCOMING,
    *,
    by: str = "remote",
    status: int = 200,
    reason: str = "",
    answered: bool = True,
    peer: str = "",
    host: str = "127.0.0.9",
    why: str = "",
    quality: Quality | None = None,
) -> Call:
    """Return a call that was answered after 2 s, or not at all, and ended after 12."""
    call = Call("leg", Address("tel", "+15550100"), Address("extension", "1000"), direction)
    call.began, call.peer, call.peer_host, call.why = BEGAN, peer, host, why
    call.hangup_by, call.sip_status, call.sip_reason, call.hangup_reason = by, status, reason, "normal"
    if answered:
        call.times[Status.PROGRESSING] = BEGAN + timedelta(seconds=2)
    call.times[Status.HANGUP] = BEGAN + timedelta(seconds=12)
    call.status, call.quality, call.codec = Status.HANGUP, quality, "PCMU"
    return call
