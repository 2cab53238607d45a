"""`/timelines/refused`: attempts to call or to register that were refused before they began. Ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from voipbin_sip.api.auth import Managing, With
from voipbin_sip.api.errors import not_found
from voipbin_sip.api.paging import Paging
from voipbin_sip.api.routes.sip_analysis import SipMessage, capture, sip_message
from voipbin_sip.api.services import Services
from voipbin_sip.observe.attempt import Attempt, in_words
from voipbin_sip.observe.ring import Seen
from voipbin_sip.resources.stamps import Stamp, stamp_text

router = APIRouter(tags=["timelines"])
MAX_MESSAGES = 40  # a phone registers again and again with one Call-ID


class RefusedAttempt(BaseModel):
    """An attempt that was refused; equal ones that followed each other closely are one."""

    id: UUID
    tm_create: Stamp  # of the first
    tm_update: Stamp  # of the newest
    count: int
    method: str  # INVITE or REGISTER
    source: str  # the address that it came from: "192.0.2.7:5060"
    transport: str
    caller: str  # who called, as From said it
    callee: str  # what was dialled, or the extension to register for
    user_agent: str
    sip_status: int
    sip_reason: str  # that was sent
    cause: str  # a word for programs: "wrong_password"
    why: str
    sip_call_ids: list[str]  # of the newest ones, the oldest first


class RefusedAttempts(BaseModel):
    """The newest first; an empty page is the end."""

    result: list[RefusedAttempt]
    waiting: int  # callers who were asked for a password, and may still send one
    next_page_token: str


class RefusedStory(BaseModel):
    """All that is known of one."""

    attempt: RefusedAttempt
    why: str  # with what was probably meant
    advice: list[str]
    sip_messages: list[SipMessage]  # of the newest; as long as they are kept


@router.get("/timelines/refused")
async def list_refused(
    found: With,
    who: Managing,
    paging: Paging,
    name: Annotated[
        str, Query(max_length=255, description="Only those with this SIP Call-ID, or beginning of an id")
    ] = "",
) -> RefusedAttempts:
    """List attempts to call or to register that were refused before they began, the newest first."""
    if found.observed is None:
        return RefusedAttempts(result=[], waiting=0, next_page_token="")
    refused, before = found.observed.refused, paging.before.timestamp()
    fitting = refused.find(name.strip()) if name.strip() else refused.newest()
    page = [attempt for attempt in fitting if attempt.at < before][: paging.size]
    token = stamp_text(_time(page[-1].at)) if page else ""
    return RefusedAttempts(
        result=[_shown(attempt) for attempt in page], waiting=refused.waiting(), next_page_token=token
    )


@router.get("/timelines/refused/{refused_id}")
async def get_refused(found: With, who: Managing, refused_id: UUID) -> RefusedStory:
    """Show why an attempt was refused, what was probably meant, what to do, and its SIP messages."""
    attempt = _attempt(found, refused_id)
    explained = found.explaining.refusal(attempt) if found.explaining is not None else None
    return RefusedStory(
        attempt=_shown(attempt),
        why=explained.why if explained is not None else in_words(attempt),
        advice=[*explained.advice] if explained is not None else [],
        sip_messages=[sip_message(seen) for seen in _messages(found, attempt)],
    )


@router.get("/timelines/refused/{refused_id}/pcap", response_class=Response, include_in_schema=False)
async def get_refused_pcap(found: With, who: Managing, refused_id: UUID) -> Response:
    """Return the SIP messages of an attempt as a capture file for Wireshark."""
    return capture(_messages(found, _attempt(found, refused_id)), refused_id)


def _attempt(found: Services, id_: UUID) -> Attempt:
    attempt = found.observed.refused.get(id_) if found.observed is not None else None
    if attempt is None:
        raise not_found("attempt", id_)
    return attempt


def _messages(found: Services, attempt: Attempt) -> Sequence[Seen]:
    seen = [] if found.observed is None else found.observed.ring.within(attempt.call_ids[-1])
    return seen[-MAX_MESSAGES:]


def _shown(attempt: Attempt) -> RefusedAttempt:
    host, port = attempt.source
    return RefusedAttempt(
        id=attempt.id,
        tm_create=_time(attempt.began),
        tm_update=_time(attempt.at),
        count=attempt.count,
        method=attempt.method,
        source=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        transport=attempt.transport,
        caller=attempt.caller,
        callee=attempt.callee,
        user_agent=attempt.user_agent,
        sip_status=attempt.status,
        sip_reason=attempt.reason,
        cause=attempt.cause,
        why=in_words(attempt),
        sip_call_ids=[*attempt.call_ids],
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
