"""Finds the call that somebody means, or the attempt that became none, and fetches the story of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from voipbin_sip.terminal.fetch import Api, ApiFault, understood
from voipbin_sip.terminal.reading import party, read_story
from voipbin_sip.terminal.refused import fetch_refused_list
from voipbin_sip.terminal.story import NOBODY, CallStory

NEWEST = "last"
WAIT_SECONDS = 0.5  # between two looks for callers who were asked for a password
WAITS = 12  # longer than the server waits for one
DETAILED_LEGS = 12  # whose quality and SIP messages are fetched: a groupcall may have very many


class NoSuchCall(Exception):  # noqa: N818 - reads as what happened
    """There is no such call; the message says what may be meant instead."""


class SeveralCalls(Exception):  # noqa: N818 - reads as what happened
    """Several calls fit.

    Attributes:
        calls: as the API shows them, the newest first.
    """

    def __init__(self, calls: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(f"{len(calls)} calls fit")
        self.calls = calls


@dataclass(frozen=True, slots=True)
class Found:
    """What was meant.

    Attributes:
        refused: it is an attempt that was refused before it was a call.
        before: the last call before that attempt, in words.
    """

    id: str
    refused: bool = False
    before: str = ""


async def find_call(api: Api, name: str) -> Found:
    """Return the call or refused attempt that a name means: an id or its beginning, a SIP Call-ID, or `last`.

    The last one is the newest of both; of calls, the newest that was not placed for another one.

    Raises NoSuchCall, SeveralCalls, ApiFault.
    """
    with understood(api.base):
        return await _found(api, name)


async def _found(api: Api, name: str) -> Found:
    if name == NEWEST:
        return await _last(api)
    if (whole := _uuid(name)) is not None:
        return await _refused(api, whole, waits=0) or Found(whole)
    found = await api.get("/timelines/calls-found", name=name)
    calls = found["result"]
    if len(calls) > 1:
        raise SeveralCalls(calls)
    if not calls and (refused := await _refused(api, name)) is not None:
        return refused
    if not calls and found["turned_away"]:
        raise NoSuchCall(
            f"it was turned away at the door and became no call: {found['turned_away']};"
            " `voipbin-sip explain` says by which rule"
        )
    if not calls:
        raise NoSuchCall(
            f"no call has an id that begins with {name}, and none that is still in memory has it as its SIP Call-ID;"
            " `voipbin-sip calls --plain` lists the calls"
        )
    return Found(str(calls[0]["id"]))


async def _last(api: Api) -> Found:
    refused = await _newest_refused(api)
    calls = (await api.get("/calls", page_size="1"))["result"]
    if not calls and refused is None:
        raise NoSuchCall("there has been no call yet")
    if refused is None or (calls and str(calls[0]["tm_create"]) > str(refused["tm_update"])):
        master = str(calls[0]["master_call_id"])
        return Found(str(calls[0]["id"]) if master == NOBODY else master)
    before = ""
    if calls:
        call = calls[0]
        before = (
            f"{party(call['source'])} → {party(call['destination'])}, voipbin-sip call {str(call['id'])[:8]}"
        )
    return Found(str(refused["id"]), True, before)


async def _newest_refused(api: Api) -> Mapping[str, Any] | None:
    """Return the newest refused attempt; whether a caller comes back with a password is waited for."""
    told = await fetch_refused_list(api, page_size="1")
    for _ in range(WAITS):
        if not told["waiting"]:
            break
        await asyncio.sleep(WAIT_SECONDS)
        told = await fetch_refused_list(api, page_size="1")
    return next(iter(told["result"]), None)


async def _refused(api: Api, name: str, *, waits: int = WAITS) -> Found | None:
    """Return the newest refused attempt with an id that begins so, or with that SIP Call-ID."""
    told = await fetch_refused_list(api, page_size="1", name=name)
    for _ in range(waits):
        if told["result"] or not told["waiting"]:
            break
        await asyncio.sleep(WAIT_SECONDS)
        told = await fetch_refused_list(api, page_size="1", name=name)
    return next((Found(str(attempt["id"]), True) for attempt in told["result"]), None)


async def fetch_story(api: Api, id_: str) -> CallStory:
    """Return all that is known of a call. Raises NoSuchCall, ApiFault."""
    with understood(api.base):
        return await _story(api, id_)


async def _story(api: Api, id_: str) -> CallStory:
    try:
        told = await api.get(f"/timelines/calls/{id_}/story")
    except ApiFault as fault:
        if fault.status == 404:
            raise NoSuchCall(
                f"there is no call {id_}; `voipbin-sip calls --plain` lists the calls"
            ) from fault
        raise
    ids = [id_, *(str(leg["call"]["id"]) for leg in told["legs"])][:DETAILED_LEGS]
    quality = asyncio.gather(*(api.get(f"/timelines/calls/{leg}/quality") for leg in ids))
    sip = asyncio.gather(*(_sip(api, leg) for leg in ids))
    return read_story(
        told, dict(zip(ids, await quality, strict=True)), dict(zip(ids, await sip, strict=True))
    )


async def _sip(api: Api, id_: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = await api.get(f"/timelines/calls/{id_}/sip-analysis")
    except ApiFault as fault:
        if fault.status == 403:  # agents may not see it
            return {}
        raise
    return found


def _uuid(name: str) -> str | None:
    try:
        return str(UUID(name)) if len(name) >= 32 else None
    except ValueError:
        return None
