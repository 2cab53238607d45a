"""One attempt to call or to register that was refused before anything began, and why in words."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid4

from voipbin_sip.calls.verdict import Ground

KEPT_CALL_IDS = 8  # of an attempt that was made many times


class Cause(StrEnum):
    """Why it was refused."""

    NO_PASSWORD = "no_password"  # it was asked for one, and did not come back
    WRONG_PASSWORD = "wrong_password"
    NO_SUCH_USER = "no_such_user"  # a password, but of nobody here
    NO_SUCH_NUMBER = "no_such_number"
    NOT_FOR_STRANGERS = "not_for_strangers"
    NOT_OUR_DOMAIN = "not_our_domain"
    OTHER_EXTENSION = "other_extension"  # it has proved to be one, and registers for another
    DRAINING = "draining"
    NO_MEDIA = "no_media"
    FULL = "full"
    FAULT = "fault"
    NO_SUCH_CALL = "no_such_call"
    LOOP = "loop"
    UNSUPPORTED = "unsupported"
    MALFORMED = "malformed"


@dataclass(slots=True)
class Attempt:
    """Equal attempts that followed each other closely are one.

    Attributes:
        caller: as From says it, the user part where its host is this server.
        callee: what was dialled, or the extension to register for; written like `caller`.
        peer: who had proved to be calling; "" = nobody.
        claimed: the user whose password was wrong.
        began: of the first one, seconds since 1970.
        at: of the newest one.
        call_ids: SIP Call-IDs of the newest ones, the oldest first.
        ban: seconds that the source was banned for with it.
    """

    cause: Cause
    method: str  # INVITE or REGISTER
    status: int
    reason: str
    transport: str
    source: tuple[str, int]
    caller: str
    callee: str
    user_agent: str
    began: float
    at: float
    call_ids: deque[str]
    ground: Ground | None = None
    peer: str = ""
    claimed: str = ""
    ban: float = 0.0
    count: int = 1
    id: UUID = field(default_factory=uuid4)

    def again(self, newer: Attempt) -> None:
        """Take another one that is equal."""
        self.count += 1
        self.at, self.source, self.ban = newer.at, newer.source, newer.ban
        if newer.call_ids[-1] not in self.call_ids:
            self.call_ids.extend(newer.call_ids)


def in_words(attempt: Attempt) -> str:
    """Return why it was refused; for who runs the server, never for the caller."""
    callee, claimed, reason = attempt.callee, attempt.claimed, attempt.reason
    match attempt.cause:
        case Cause.NO_PASSWORD:
            return "it was asked for a password and sent none"
        case Cause.WRONG_PASSWORD:
            return f"the password of {claimed} is wrong{_banned(attempt)}"
        case Cause.NO_SUCH_USER:
            return f"there is no extension {claimed}{_banned(attempt)}"
        case Cause.NO_SUCH_NUMBER if attempt.ground is Ground.PROVIDER:
            return f"the provider {attempt.peer} calls {callee}, which is no number here that has a flow"
        case Cause.NO_SUCH_NUMBER:
            return f"{callee} is no number, extension or conference here"
        case Cause.NOT_FOR_STRANGERS:
            return f"nobody but our phones and trunks may call {callee}, and there is no phone"
        case Cause.NOT_OUR_DOMAIN:
            return f"{callee} is on another server, whose domain is not ours"
        case Cause.OTHER_EXTENSION:
            return f"the phone of {attempt.peer} registers for {callee}"
        case Cause.NO_SUCH_CALL:
            return f"it belongs to a call that is not here: {reason}"
        case Cause.UNSUPPORTED:
            return f"it asks for what this server does not do: {reason}"
        case Cause.MALFORMED:
            return f"it is not as SIP wants it: {reason}"
        case _:
            return _WORDS[attempt.cause]


_WORDS = {
    Cause.DRAINING: "this server is shutting down and takes no more calls",
    Cause.NO_MEDIA: "this server has no port left for the sound",
    Cause.FULL: "this server has as many calls and requests as it can hold",
    Cause.FAULT: "this server has a fault, which its log describes",
    Cause.LOOP: "it has gone round in a circle, or came here by two ways",
}


def _banned(attempt: Attempt) -> str:
    if not attempt.ban:
        return ""
    return f"; {attempt.source[0]} is banned for {span(attempt.ban)} after too many wrong passwords"


def span(seconds: float) -> str:
    """Return how long something lasts: "40 seconds", "5 minutes", "2 hours"."""
    for size, name in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or round(seconds) == size:
            count = round(seconds / size)
            return f"{count} {name}{'s' if count != 1 else ''}"
    count = max(1, round(seconds))
    return f"{count} second{'s' if count != 1 else ''}"
