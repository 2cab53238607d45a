"""Attempts that were refused before they were calls, read from the API's answers; shown by `refused_page`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from voipbin_sip.terminal.fetch import Api, ApiFault, understood
from voipbin_sip.terminal.reading import moment, read_messages
from voipbin_sip.terminal.story import Message

_NOT_FOR_US = (403, 404)  # agents may not see them; an older server does not keep them


@dataclass(frozen=True, slots=True)
class RefusedAttempt:
    """One, or several equal ones."""

    id: str
    began: datetime  # the first
    at: datetime  # the newest
    count: int
    method: str
    source: str  # "192.0.2.7:5060"
    transport: str
    caller: str
    callee: str
    user_agent: str
    status: int
    why: str
    sip_call_id: str  # of the newest

    @property
    def who(self) -> str:
        """Who tried it: by name, else by address."""
        return self.caller or self.source


@dataclass(frozen=True, slots=True)
class RefusedStory:
    """All that is known of one."""

    attempt: RefusedAttempt
    why: str  # with what was probably meant
    advice: Sequence[str]
    messages: Sequence[Message]


async def fetch_refused_list(api: Api, **query: str) -> Mapping[str, Any]:
    """Return the API's list of refused attempts, an empty one where there is none for us. Raises ApiFault."""
    try:
        found: Mapping[str, Any] = await api.get("/timelines/refused", **query)
    except ApiFault as fault:
        if fault.status in _NOT_FOR_US:
            return {"result": [], "waiting": 0}
        raise
    return found


async def fetch_refused(api: Api, id_: str) -> RefusedStory:
    """Return what is known of one. Raises ApiFault."""
    with understood(api.base):
        told = await api.get(f"/timelines/refused/{id_}")
        return RefusedStory(
            read_attempt(told["attempt"]),
            str(told["why"]),
            [str(line) for line in told["advice"]],
            read_messages(told["sip_messages"]),
        )


def read_attempt(told: Mapping[str, Any]) -> RefusedAttempt:
    """Return the attempt that an answer of the API tells."""
    return RefusedAttempt(
        id=str(told["id"]),
        began=moment(told["tm_create"]),
        at=moment(told["tm_update"]),
        count=int(told["count"]),
        method=str(told["method"]),
        source=str(told["source"]),
        transport=str(told["transport"]),
        caller=str(told["caller"]),
        callee=str(told["callee"]),
        user_agent=str(told["user_agent"]),
        status=int(told["sip_status"]),
        why=str(told["why"]),
        sip_call_id=str(told["sip_call_ids"][-1]),
    )
