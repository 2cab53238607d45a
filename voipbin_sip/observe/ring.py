"""The newest SIP messages of calls and registrations, in memory: bounded by bytes and by age, the oldest go first."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from voipbin_sip.calls.call import Call, Change
from voipbin_sip.sip.events import Hop

MAX_CALLS = 50_000  # whose SIP Call-IDs are known
_COST = 200  # bytes of a message beside its text
_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE)
REGISTRATIONS = 2 * 1024 * 1024  # bytes of their messages, which must not push out those of calls
_NO_CALL = re.compile(rb"\ncseq[ \t]*:[ \t]*\d+[ \t]+(REGISTER|OPTIONS)\b", re.IGNORECASE)
_SECRETS = re.compile(
    rb'(?<=[\s,])((?:response|cnonce)=")[^"]*|(inline:)[A-Za-z0-9+/=]+|(\na=key-mgmt:)[^\r\n]*', re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One message, as it went over the wire."""

    time: float  # seconds since 1970
    incoming: bool
    hop: Hop
    data: bytes
    call_id: str

    @property
    def source(self) -> tuple[str, int]:
        """Where it came from."""
        return self.hop.remote if self.incoming else self.hop.local

    @property
    def destination(self) -> tuple[str, int]:
        """Where it went to."""
        return self.hop.local if self.incoming else self.hop.remote

    @property
    def shown(self) -> bytes:
        """The message without digest responses and media keys."""
        return masked(self.data)


def masked(data: bytes) -> bytes:
    """Return a message with what proves or opens something replaced by stars of the same number."""
    return _SECRETS.sub(_starred, data)


def _starred(match: re.Match[bytes]) -> bytes:
    kept: bytes = match[1] or match[2] or match[3]
    return kept + b"*" * (len(match[0]) - len(kept))


class Kept:
    """Messages up to a number of bytes and an age in seconds, found by their Call-ID."""

    def __init__(self, size: int, age: float) -> None:
        self._size, self._age = size, age
        self._all: deque[Seen] = deque()
        self._by_call: dict[str, deque[Seen]] = {}
        self._held = 0

    def take(self, seen: Seen) -> None:
        """Keep a message."""
        self._all.append(seen)
        self._by_call.setdefault(seen.call_id, deque()).append(seen)
        self._held += len(seen.data) + _COST
        while self._all and (self._held > self._size or self._all[0].time < seen.time - self._age):
            self._drop_oldest()

    def of(self, name: str) -> Sequence[Seen]:
        """Return those with a Call-ID, the oldest first."""
        return self._by_call.get(name, ())

    def _drop_oldest(self) -> None:
        old = self._all.popleft()
        self._held -= len(old.data) + _COST
        same = self._by_call[old.call_id]
        same.popleft()
        if not same:
            del self._by_call[old.call_id]


class SipRing:
    """Takes all messages, gives those of a call; watches calls (calls.live.CallWatcher) to know their Call-IDs.

    Args:
        size: bytes, of calls.
        age: seconds.
        wall: seconds since 1970.
        heard: is told each message that is kept.
    """

    def __init__(
        self, size: int, age: float, wall: Callable[[], float], heard: Callable[[Seen], None] | None = None
    ) -> None:
        self.age, self._wall = age, wall
        self._heard = heard
        self._calls, self._registrations = Kept(size, age), Kept(min(size, REGISTRATIONS), age)
        self._names: OrderedDict[UUID, list[str]] = OrderedDict()

    def take(self, incoming: bool, data: bytes, hop: Hop) -> None:
        """Keep a message, unless it belongs to no call and no registration."""
        found = _CALL_ID.search(data)
        if found is None:
            return
        other = _NO_CALL.search(data)
        if other is not None and other[1].upper() == b"OPTIONS":
            return
        seen = Seen(self._wall(), incoming, hop, bytes(data), found[1].decode("utf-8", "replace"))
        if other is not None:
            self._registrations.take(seen)
            return
        self._calls.take(seen)
        if self._heard is not None:
            self._heard(seen)

    def of(self, call_id: UUID) -> Sequence[Seen]:
        """Return the messages of a call, the oldest first."""
        names = self._names.get(call_id, ())
        return sorted((s for name in names for s in self._calls.of(name)), key=lambda seen: seen.time)

    def within(self, name: str) -> Sequence[Seen]:
        """Return the messages with a SIP Call-ID, of a call, a registration or neither, the oldest first."""
        return [*self._calls.of(name)] or [*self._registrations.of(name)]

    def calls_of(self, name: str) -> Sequence[UUID]:
        """Return the calls that had a SIP Call-ID, the newest first."""
        return [id_ for id_, names in reversed(self._names.items()) if name in names]

    def answered(self, name: str) -> Seen | None:
        """Return the last response that we gave within a SIP Call-ID, also one that became no call."""
        found = (seen for seen in reversed(self._calls.of(name)) if not seen.incoming)
        return next((seen for seen in found if seen.data.startswith(b"SIP/2.0 ")), None)

    def knows(self, call_id: UUID) -> bool:
        """Whether a call took place since the start, not too long ago."""
        return call_id in self._names

    # What calls tell

    def call_began(self, call: Call) -> None:
        """Take a new call; its list of Call-IDs grows with its attempts."""
        self._names[call.id] = call.sip_call_ids
        if len(self._names) > MAX_CALLS:
            self._names.popitem(last=False)

    def call_changed(self, call: Call, change: Change) -> None:
        """Take a change of a call."""

    def call_digit(self, call: Call, digit: str) -> None:
        """Take a digit."""
