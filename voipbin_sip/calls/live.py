"""All calls that are not over, by id, and who wants to know what becomes of them.

Calls know nothing of records and events: they tell this registry, and it tells whoever watches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

import structlog

from voipbin_sip.calls.call import Call, Change
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status

MAY_HAVE_CHAIN = frozenset({Status.DIALING, Status.RINGING, Status.PROGRESSING})


class CallWatcher(Protocol):
    """Wants to know of calls. Must not wait; what it raises is logged and changes nothing."""

    def call_began(self, call: Call) -> None:
        """Take a new call; nothing was sent for it yet."""
        ...

    def call_changed(self, call: Call, change: Change) -> None:
        """Take a change of a call; also after its end, when the last word on its sound is there."""
        ...

    def call_digit(self, call: Call, digit: str) -> None:
        """Take a digit that its phone has sent."""
        ...


class LiveCalls:
    """The registry."""

    def __init__(self) -> None:
        self.watchers: list[CallWatcher] = []
        self.closing = False  # the server is about to stop: nobody may place calls from outside any more
        self._sessions: dict[UUID, CallSession] = {}
        self._log = structlog.get_logger("call")

    def get(self, call_id: UUID) -> CallSession | None:
        """Return a call that is not over."""
        return self._sessions.get(call_id)

    def __iter__(self) -> Iterator[CallSession]:
        return iter([*self._sessions.values()])

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, session: CallSession, master: Call | None = None) -> None:
        """Take up a new call, `master` being the one that it is placed for."""
        call = session.call
        if call.is_over:
            return
        self._sessions[call.id] = session
        if master is not None and master.status in MAY_HAVE_CHAIN:
            call.master_call_id = master.id
            master.chained_call_ids.append(call.id)
        call.watch = self._changed
        session.noted = lambda digit: self._digit(call, digit)
        self._tell("call_began", call)
        if call.master_call_id is not None and master is not None:
            master.tell(Change.CHAIN)

    def _changed(self, call: Call, change: Change) -> None:
        if change is Change.STATUS and call.is_over:
            self._sessions.pop(call.id, None)
        self._tell("call_changed", call, change)

    def _digit(self, call: Call, digit: str) -> None:
        self._tell("call_digit", call, digit)

    def _tell(self, what: str, call: Call, *news: object) -> None:
        for watcher in self.watchers:
            try:
                getattr(watcher, what)(call, *news)
            except Exception:  # a call must not die of whoever watches
                self._log.exception("a watcher of calls failed", call=str(call.id), what=what)
