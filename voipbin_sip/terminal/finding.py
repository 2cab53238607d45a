"""Finds the call that somebody means, and fetches its story."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from voipbin_sip.terminal.fetch import Api, ApiFault
from voipbin_sip.terminal.reading import read_story
from voipbin_sip.terminal.story import NOBODY, CallStory

NEWEST = "last"
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


async def find_call(api: Api, name: str) -> str:
    """Return the id of the call that a name means: an id or its beginning, a SIP Call-ID, or `last`.

    The last call is the newest that was not placed for another one.

    Raises NoSuchCall, SeveralCalls, ApiFault.
    """
    if name == NEWEST:
        calls = (await api.get("/calls", page_size="1"))["result"]
        if not calls:
            raise NoSuchCall("there has been no call yet")
        master = str(calls[0]["master_call_id"])
        return str(calls[0]["id"]) if master == NOBODY else master
    if (whole := _uuid(name)) is not None:
        return whole
    found = await api.get("/timelines/calls-found", name=name)
    calls = found["result"]
    if len(calls) > 1:
        raise SeveralCalls(calls)
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
    return str(calls[0]["id"])


async def fetch_story(api: Api, id_: str) -> CallStory:
    """Return all that is known of a call. Raises NoSuchCall, ApiFault."""
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
