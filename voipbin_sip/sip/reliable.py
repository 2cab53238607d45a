"""Provisional responses that arrive for sure: 100rel and PRACK (RFC 3262)."""

from __future__ import annotations

import re
from collections import deque

from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.phase import UNANSWERED, Move
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.timers import Timer

OPTION = "100rel"
_RACK = re.compile(r"\s*(\d{1,10})\s+(\d{1,10})\s+INVITE\s*", re.ASCII | re.IGNORECASE)
_MAX_WAITING = 8  # provisional responses that may wait for the PRACK of an earlier one


def reliable_number(response: Response) -> int | None:
    """Return the RSeq of a provisional response that wants a PRACK, None if it wants none."""
    text = (response.headers.get("rseq") or "").strip()
    wanted = OPTION in (option.lower() for option in response.headers.values("require"))
    return int(text) if wanted and text.isascii() and text.isdigit() and len(text) <= 10 else None


class Reliable:
    """The provisional responses to one INVITE of a peer that can acknowledge them (section 3).

    One at a time is under way. What carries our session description has to arrive before the 200 may leave.
    """

    def __init__(self, session: Session, *, required: bool) -> None:
        self._session = session
        self._required = required
        self._number = int(session.wire.between(1, 2**30))
        self._open: Response | None = None
        self._description: SessionDescription | None = None  # in the open one
        self._waiting: deque[tuple[int, SessionDescription | None]] = deque(maxlen=_MAX_WAITING)
        self._answer: SessionDescription | None = None  # waits too
        self._interval = 0.0
        self._repeat: Timer | None = None
        self._give_up: Timer | None = None

    def covers(self, sdp: SessionDescription | None) -> bool:
        """Return whether a response is to be a reliable one: any if the caller insists, else early media only."""
        return self._required or sdp is not None

    def send(self, now: float, status: int, sdp: SessionDescription | None) -> None:
        """Send a response, at once or when it is its turn."""
        if self._open is not None:
            self._waiting.append((status, sdp))
            return
        session = self._session
        self._number += 1
        headers = (("Require", OPTION), ("RSeq", str(self._number)))
        response = session.response(session.invite, status, headers=headers, sdp=sdp)
        self._open, self._description = response, sdp
        session.move(now, Move.PROVISIONAL)
        session.invite.respond(now, response)
        timers, t1 = session.wire.timers, session.wire.limits.t1
        self._interval = t1
        self._repeat = timers.start(now + t1, self._again)
        self._give_up = timers.start(now + 64 * t1, self._no_prack)

    def postpone(self, sdp: SessionDescription) -> bool:
        """Return whether the 200 has to wait for a PRACK; then it leaves with that."""
        if self._open is None or self._description is None:
            self.stop()
            return False
        self._answer = sdp
        return True

    @property
    def answering(self) -> bool:
        """Whether a 200 is waiting."""
        return self._answer is not None

    def take(self, request: Request) -> bool:
        """Take a PRACK; return whether it acknowledges what is open."""
        match = _RACK.fullmatch(request.headers.get("rack") or "")
        if self._open is None or match is None:
            return False
        if int(match[1]) != self._number or int(match[2]) != self._open.cseq.number:
            return False
        self.stop()
        self._open = None
        return True

    def pracked(self, now: float) -> SessionDescription | None:
        """Go on after a PRACK: send what waits. Return the description of the 200 that may leave now."""
        if self._session.phase not in UNANSWERED:
            return None
        if self._description is not None:
            self._session.local, self._description = self._description, None
            self._session.early_agreed = not self._session.offerless
        if self._answer is not None:
            answer, self._answer = self._answer, None
            return answer
        if self._waiting:
            self.send(now, *self._waiting.popleft())
        return None

    def stop(self) -> None:
        """Repeat nothing any more."""
        self._session.wire.timers.cancel(self._repeat)
        self._session.wire.timers.cancel(self._give_up)

    def _again(self, now: float) -> None:
        session = self._session
        if self._open is not None:
            session.invite.respond(now, self._open)
            self._interval *= 2
            self._repeat = session.wire.timers.start(now + self._interval, self._again)

    def _no_prack(self, now: float) -> None:
        session = self._session
        session.respond(now, session.invite, 504)
        session.end("local", 504, "no PRACK", 102)
        session.move(now, Move.REJECT)


def prepare(session: Session) -> None:
    """See whether the caller can acknowledge provisional responses, or insists on it."""
    headers = session.invite.request.headers
    required, supported = (
        OPTION in (option.lower() for option in headers.values(name)) for name in ("require", "supported")
    )
    if required or supported:
        session.reliable = Reliable(session, required=required)
