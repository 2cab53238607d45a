"""`/timelines/calls/{id}/sip-analysis` and `/pcap`: the SIP messages of a call, and how it sounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from voipbin_sip.api.auth import Managing, With
from voipbin_sip.api.errors import not_found
from voipbin_sip.api.services import Services
from voipbin_sip.observe.pcap import CONTENT_TYPE, pcap
from voipbin_sip.observe.ring import Seen
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.resources.stamps import Stamp

router = APIRouter(tags=["timelines"])


class SipMessage(BaseModel):
    """One message."""

    timestamp: Stamp
    method: str  # or the status of a response
    src_ip: str
    src_port: int
    dst_ip: str
    dst_port: int
    raw: str
    incoming: bool  # it came to this server


class RtcpStats(BaseModel):
    """How a call sounded."""

    mos: float | None
    jitter: float  # ms
    packet_loss_pct: float
    rtt: int  # microseconds, 0 = not known
    rtp_packets: int
    rtp_errors: int


class SipAnalysis(BaseModel):
    """What there is of a call; messages are kept for a while only."""

    known: bool  # the call was since the server began; else it has forgotten the messages
    sip_messages: list[SipMessage]
    rtcp_stats: RtcpStats | None


@router.get("/timelines/calls/{call_id}/sip-analysis")
async def get_sip_analysis(found: With, who: Managing, call_id: UUID) -> SipAnalysis:
    """Show the SIP messages of a call, digest responses and keys masked."""
    call = await found.history.get(CallResource, call_id)
    return SipAnalysis(
        known=found.observed is not None and found.observed.ring.knows(call_id),
        sip_messages=[sip_message(seen) for seen in _messages(found, call_id)],
        rtcp_stats=_stats(call.quality),
    )


@router.get("/timelines/calls/{call_id}/pcap", response_class=Response, include_in_schema=False)
async def get_pcap(found: With, who: Managing, call_id: UUID) -> Response:
    """Return the SIP messages of a call as a capture file for Wireshark."""
    await found.history.get(CallResource, call_id)
    return capture(_messages(found, call_id), call_id)


def capture(messages: Sequence[Seen], id_: UUID) -> Response:
    """Return messages as a capture file that is named by an id. Raises ApiError where there are none."""
    if not messages:
        raise not_found("capture", id_)
    name = f'attachment; filename="{id_}.pcap"'
    return Response(pcap(messages), media_type=CONTENT_TYPE, headers={"Content-Disposition": name})


def _messages(found: Services, call_id: UUID) -> list[Seen]:
    return [] if found.observed is None else [*found.observed.ring.of(call_id)]


def sip_message(seen: Seen) -> SipMessage:
    """Return a message as the API shows it."""
    raw = seen.shown.decode("utf-8", "replace")
    words = raw.split(None, 2)
    method = words[1] if len(words) > 1 and words[0].startswith("SIP/") else words[0]
    (src_ip, src_port), (dst_ip, dst_port) = seen.source, seen.destination
    return SipMessage(
        timestamp=datetime.fromtimestamp(seen.time, UTC),
        method=method,
        src_ip=src_ip,
        src_port=src_port,
        dst_ip=dst_ip,
        dst_port=dst_port,
        raw=raw,
        incoming=seen.incoming,
    )


def _stats(quality: dict[str, Any]) -> RtcpStats | None:
    if not quality:
        return None
    return RtcpStats(
        mos=quality.get("heard_mos"),
        jitter=quality.get("heard_jitter") or 0.0,
        packet_loss_pct=quality.get("heard_lost") or 0.0,
        rtt=round(1000 * (quality.get("round_trip") or 0.0)),
        rtp_packets=(quality.get("heard") or 0) + (quality.get("sent") or 0),
        rtp_errors=(quality.get("late") or 0) + (quality.get("foreign") or 0),
    )
