"""Attempts to call or to register that were refused before anything began: the newest ones, in memory.

A challenge (401, 407) is no refusal, as the caller is expected to come back with a password; one that is not answered
becomes a refusal after a while. Equal attempts are counted as one, and each source has so many only: who tries
thousands of numbers pushes out nobody else's. What is done for a request is some look-ups in dictionaries, the same
for known and unknown users; words are made when somebody asks.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from voipbin_sip.calls.verdict import Ground, Turned
from voipbin_sip.domain import is_conference_host, serves, trunk_label
from voipbin_sip.guard import Outcome
from voipbin_sip.observe.attempt import KEPT_CALL_IDS, Attempt, Cause
from voipbin_sip.registrar.binding_request import readable
from voipbin_sip.registrar.registrar import Answer
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop, Refused
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.uri import Uri
from voipbin_sip.transport.limits import source_key

KEPT = 500  # attempts
KEPT_OF_SOURCE = 20
KEPT_CHALLENGES = 1000
PATIENCE = 5.0  # seconds that a challenged caller has to come back with a password
TOGETHER = 60.0  # seconds within which an equal attempt is counted as one more
MAX_TEXT = 256  # characters of what callers have written
_NEGOTIATED = frozenset({422, 423})  # the caller comes again with a longer interval (RFC 4028, RFC 3261)
_UNSUPPORTED = frozenset({405, 406, 415, 416, 420, 501, 505})
_CAUSES = {
    481: Cause.NO_SUCH_CALL,
    482: Cause.LOOP,
    483: Cause.LOOP,
    486: Cause.NO_SUCH_CALL,
    500: Cause.FAULT,
    503: Cause.FULL,
    603: Cause.NO_SUCH_CALL,
}
_GROUNDS = {
    Ground.DOMAIN: Cause.NOT_OUR_DOMAIN,
    Ground.NOBODY: Cause.NOT_FOR_STRANGERS,
    Ground.DRAINING: Cause.DRAINING,
    Ground.NO_MEDIA: Cause.NO_MEDIA,
    Ground.SERVER: Cause.FAULT,
}


class _Challenge(NamedTuple):
    """A challenge that waits for a password."""

    attempt: Attempt  # what it is if none comes; a request may have 64 kB
    ground: Ground | None


class RefusedAttempts:
    """Watches the door (calls.door.DoorWatcher).

    Args:
        domain: ours, see `domain.serves`.
        wall: seconds since 1970.
        known: whether there is an extension of a name.
        banned: for how many seconds more a source is banned.

    Attributes:
        counters: refused attempts by cause, each of those that are counted as one.
    """

    def __init__(
        self,
        domain: str = "",
        *,
        wall: Callable[[], float] = time.time,
        known: Callable[[str], bool] = lambda user: False,
        banned: Callable[[str], float] = lambda host: 0.0,
    ) -> None:
        self._domain, self._wall, self._known, self._banned = domain.lower(), wall, known, banned
        self.counters: Counter[str] = Counter()
        self._challenges: OrderedDict[tuple[str, str], _Challenge] = OrderedDict()  # by host and Call-ID
        self._kept: OrderedDict[UUID, Attempt] = OrderedDict()
        self._equal: dict[tuple[str, ...], Attempt] = {}
        self._of_source: dict[str, OrderedDict[UUID, None]] = {}

    # What is asked

    def newest(self, before: float = float("inf"), size: int = KEPT) -> Sequence[Attempt]:
        """Return attempts older than a time (seconds since 1970), the newest first."""
        self.look()
        found = sorted(self._kept.values(), key=lambda attempt: attempt.at, reverse=True)
        return [attempt for attempt in found if attempt.at < before][:size]

    def find(self, name: str) -> Sequence[Attempt]:
        """Return those with a SIP Call-ID, or whose id begins like that, the newest first."""
        beginning = name.lower()
        return [
            attempt
            for attempt in self.newest()
            if name in attempt.call_ids or str(attempt.id).startswith(beginning)
        ]

    def get(self, id_: UUID) -> Attempt | None:
        """Return one attempt."""
        return self._kept.get(id_)

    def waiting(self) -> int:
        """Return how many callers were asked for a password, and may still come back with it."""
        self.look()
        return sum(challenge.attempt.method == "INVITE" for challenge in self._challenges.values())

    def look(self) -> None:
        """Take challenges that nobody has answered in time as refusals."""
        due = self._wall() - PATIENCE
        while self._challenges and next(iter(self._challenges.values())).attempt.at <= due:
            _, (attempt, ground) = self._challenges.popitem(last=False)
            self._keep(attempt, ground)

    # What the switchboard tells

    def call_admitted(self, request: Request, hop: Hop) -> None:
        """Take an INVITE that has become a call."""
        self._challenges.pop((hop.remote[0], request.call_id), None)

    def call_turned(self, request: Request, hop: Hop, turned: Turned) -> None:
        """Take an INVITE that was refused or challenged."""
        rule = turned.rule
        ground, peer = (rule.ground, rule.name) if rule is not None else (None, "")
        if turned.outcome is not None:
            self._asked_for_password(request, hop, turned.status, turned.reason, turned.outcome, ground)
            return
        self._challenges.pop((hop.remote[0], request.call_id), None)
        cause = _GROUNDS.get(ground, Cause.NO_SUCH_NUMBER) if ground is not None else Cause.FAULT
        self._note(cause, request, hop, turned.status, turned.reason, ground, peer)

    def registration_answered(self, request: Request, hop: Hop, answer: Answer) -> None:
        """Take a REGISTER with its answer."""
        if answer.outcome is not None:
            self._asked_for_password(request, hop, answer.status, answer.reason, answer.outcome, None)
            return
        self._challenges.pop((hop.remote[0], request.call_id), None)
        if answer.status < 300 or answer.status in _NEGOTIATED:
            return
        if answer.status == 403:
            cause = Cause.OTHER_EXTENSION
        elif answer.status == 404:
            cause = Cause.NOT_OUR_DOMAIN
        else:
            cause = Cause.MALFORMED
        self._note(cause, request, hop, answer.status, answer.reason, None, answer.extension)

    def request_refused(self, event: Refused) -> None:
        """Take what the SIP core has refused, where it wanted to begin something."""
        request, status = event.request, event.status
        if request is None or request.method not in ("INVITE", "REGISTER") or status in (0, *_NEGOTIATED):
            return
        try:
            if request.to.tag and status != 481:
                return  # within a call, which goes on
        except RemoteProtocolError:
            pass  # that is why it was refused
        cause = Cause.UNSUPPORTED if status in _UNSUPPORTED else _CAUSES.get(status, Cause.MALFORMED)
        self._note(cause, request, event.hop, status, event.why, None, "")

    def _asked_for_password(
        self, request: Request, hop: Hop, status: int, reason: str, outcome: Outcome, ground: Ground | None
    ) -> None:
        key = (hop.remote[0], request.call_id)
        self._challenges.pop(key, None)
        if not outcome.failed:
            attempt = _attempt(self._domain, Cause.NO_PASSWORD, request, hop, status, reason, self._wall())
            self._challenges[key] = _Challenge(attempt, ground)
            if len(self._challenges) > KEPT_CHALLENGES:
                self._challenges.popitem(last=False)  # of a flood, nobody misses one
            self.look()
            return
        known = self._known(outcome.claimed) or ground is Ground.TRUNK_PASSWORD
        cause = Cause.WRONG_PASSWORD if known else Cause.NO_SUCH_USER
        self._note(cause, request, hop, status, reason, ground, "", outcome.claimed)

    def _note(
        self,
        cause: Cause,
        request: Request,
        hop: Hop,
        status: int,
        reason: str,
        ground: Ground | None,
        peer: str,
        claimed: str = "",
    ) -> None:
        self.look()
        attempt = _attempt(self._domain, cause, request, hop, status, reason, self._wall())
        attempt.peer, attempt.claimed = peer, readable(claimed, MAX_TEXT)
        attempt.ban = self._banned(hop.remote[0]) if claimed else 0.0
        self._keep(attempt, ground)

    def _keep(self, attempt: Attempt, ground: Ground | None) -> None:
        """Keep an attempt, as one more of those that it is equal to."""
        attempt.ground = ground
        self.counters[attempt.cause] += 1
        key = _key(attempt)
        same = self._equal.get(key)
        if same is not None and attempt.at - same.at < TOGETHER:
            same.again(attempt)
            self._kept.move_to_end(same.id)
            self._of_source[key[0]].move_to_end(same.id)
            return
        self._kept[attempt.id] = self._equal[key] = attempt
        of_source = self._of_source.setdefault(key[0], OrderedDict())
        of_source[attempt.id] = None
        if len(of_source) > KEPT_OF_SOURCE:
            self._drop(next(iter(of_source)))
        if len(self._kept) > KEPT:
            self._drop(next(iter(self._kept)))

    def _drop(self, id_: UUID) -> None:
        attempt = self._kept.pop(id_)
        key = _key(attempt)
        if self._equal.get(key) is attempt:
            del self._equal[key]
        of_source = self._of_source[key[0]]
        del of_source[id_]
        if not of_source:
            del self._of_source[key[0]]


def _key(attempt: Attempt) -> tuple[str, ...]:
    """Return what equal attempts have in common, the source first."""
    source = source_key(attempt.source[0])
    return source, attempt.method, attempt.callee, attempt.cause, attempt.claimed, attempt.reason


def _attempt(
    domain: str, cause: Cause, request: Request, hop: Hop, status: int, reason: str, at: float
) -> Attempt:
    return Attempt(
        cause,
        request.method,
        status,
        reason,
        hop.transport,
        hop.remote,
        _said(lambda: request.from_.uri, domain),
        _said(lambda: request.to.uri if request.method == "REGISTER" else request.uri, domain),
        readable(request.headers.get("user-agent") or "", MAX_TEXT),
        at,
        at,
        deque([_call_id(request)], KEPT_CALL_IDS),
    )


def _said(uri: Callable[[], Uri], domain: str) -> str:
    """Return an address of a request as people write it; "" where it cannot be read. Hosts that say more are kept."""
    try:
        found = uri()
    except RemoteProtocolError:
        return ""
    plain = serves(domain, found) and not trunk_label(domain, found) and not is_conference_host(domain, found)
    return readable((plain and found.user) or str(found), MAX_TEXT)


def _call_id(request: Request) -> str:
    try:
        return request.call_id[:MAX_TEXT]
    except RemoteProtocolError:
        return ""
