"""Session timers: a call whose peer is gone comes to an end (RFC 4028).

Both sides agree on an interval and on who refreshes the session, by UPDATE or re-INVITE, at half of it. Without a
refresh both end the call shortly before the interval is over. Here is what is said and when; `refresh` does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Limits
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.params import find_param, parse_params
from voipbin_sip.sip.timers import Timer, Timers

_LEAST = 90  # s, what Min-SE means where it is missing (section 5)
_SHORTEST = 30  # s, whatever a peer says that does not keep to the 90 of section 4: it must not keep us busy
_MOST = 86_400  # s, longer intervals are of no use to anyone
_MAX_RAISES = 3  # 422s to one request: the peer's and those of proxies on the way


@dataclass(frozen=True, slots=True)
class Interval:
    """A Session-Expires header (section 4)."""

    seconds: int
    refresher: str = ""  # "uac" or "uas": of the request that the header is in, or is answered by


def session_expires(message: Request | Response) -> Interval | None:
    """Return what the message says on session timers, None if that is nothing or cannot be read."""
    value, semicolon, params = (message.headers.get("session-expires") or "").partition(";")
    seconds = _seconds(value)
    if not seconds:
        return None
    try:
        refresher = (find_param(parse_params(semicolon + params), "refresher") or "").lower()
    except RemoteProtocolError:
        refresher = ""
    return Interval(seconds, refresher if refresher in ("uac", "uas") else "")


def knows_timers(message: Request | Response) -> bool:
    """Return whether the sender implements this."""
    return "timer" in (value.lower() for value in message.headers.values("supported"))


def screen_interval(request: Request, limits: Limits) -> None:
    """Raise RemoteProtocolError(422) for an interval that is too short for us (section 9)."""
    asked = session_expires(request)
    if asked is not None and asked.seconds < limits.min_se and knows_timers(request):
        raise RemoteProtocolError(422, "Session Interval Too Small", request)


class SessionTimer:
    """The timer of one session; `interval` is 0 while there is none.

    `on_refresh` is called when it is up to us to refresh the session, `on_expiry` when nobody did.
    """

    __slots__ = (
        "_expiry",
        "_least",
        "_raises",
        "_refresh",
        "_timers",
        "_wanted",
        "interval",
        "on_expiry",
        "on_refresh",
        "ours",
    )

    def __init__(self, timers: Timers, limits: Limits) -> None:
        self._timers = timers
        self._wanted = limits.session_expires
        self._least = limits.min_se
        self._raises = 0
        self._refresh: Timer | None = None
        self._expiry: Timer | None = None
        self.interval = 0  # s
        self.ours = False  # we refresh
        self.on_refresh: Callable[[float], None] = _nothing
        self.on_expiry: Callable[[float], None] = _nothing

    def propose(self, *, opening: bool = False) -> list[tuple[str, str]]:
        """Return the headers of an INVITE or UPDATE of ours (sections 7.1 and 7.4)."""
        lines = []
        if opening and self._wanted:
            lines.append(("Session-Expires", str(max(self._wanted, self._least))))
        elif self.interval:
            seconds = max(self.interval, self._least)
            lines.append(("Session-Expires", f"{seconds};refresher={'uac' if self.ours else 'uas'}"))
        if lines and self._least != _LEAST:
            lines.append(("Min-SE", str(self._least)))
        return lines

    def agreed(self, now: float, response: Response) -> None:
        """Take the 2xx to an INVITE or UPDATE of ours (section 7.2)."""
        said = session_expires(response)
        self._raises = 0
        if said is None:
            self.stop()
        else:
            self._start(now, max(said.seconds, _SHORTEST), ours=said.refresher != "uas")

    def raised(self, response: Response) -> bool:
        """Take a failure; return whether it is a 422 after which our request may go out again (section 7.3)."""
        least = _seconds(response.headers.get("min-se") or "")
        if response.status != 422 or self._raises >= _MAX_RAISES or least <= self._least:
            return False
        self._raises += 1
        self._least = least
        return True

    def accept(self, now: float, request: Request) -> list[tuple[str, str]]:
        """Return the headers of our 2xx to an INVITE or UPDATE, and let the timer run by them (section 9)."""
        asked = session_expires(request)
        knows = knows_timers(request)
        if asked is not None:
            least = _seconds(request.headers.get("min-se") or "")
            seconds = max(asked.seconds, self._least, min(least, _MOST))
        else:
            seconds = self.interval or (max(self._wanted, self._least) if knows and self._wanted else 0)
        if not seconds:
            return []
        if not knows:
            ours = True
        elif asked is not None and asked.refresher:
            ours = asked.refresher == "uas"
        else:
            ours = self.ours if self.interval else asked is None
        self._start(now, seconds, ours=ours)
        lines = [("Session-Expires", f"{seconds};refresher={'uas' if ours else 'uac'}")]
        if knows:
            lines.append(("Require", "timer"))
        return lines

    def refresh_at(self, when: float) -> None:
        """Try to refresh the session at another time."""
        self._timers.cancel(self._refresh)
        self._refresh = self._timers.start(when, lambda now: self.on_refresh(now))

    def stop(self) -> None:
        """Let the session live for ever."""
        self._timers.cancel(self._refresh)
        self._timers.cancel(self._expiry)
        self.interval = 0

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self.on_refresh = self.on_expiry = _nothing

    def _start(self, now: float, seconds: int, *, ours: bool) -> None:
        self.stop()
        self.interval, self.ours = seconds, ours
        if ours:
            self.refresh_at(now + seconds / 2)
        # section 10: the BYE leaves before the other side or a proxy gives up
        self._expiry = self._timers.start(now + seconds - min(32, seconds / 3), lambda at: self.on_expiry(at))


def _seconds(text: str) -> int:
    """Return delta-seconds, 0 for what is none."""
    text = text.partition(";")[0].strip()
    return min(int(text), _MOST) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def _nothing(_now: float) -> None:
    """Nobody attends to the timer."""
