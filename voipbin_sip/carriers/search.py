"""Where a registration is tried next: the provider's servers one after the other, and where they send us (RFC 3263)."""

from __future__ import annotations

from voipbin_sip.carriers import answers
from voipbin_sip.carriers.line import Line
from voipbin_sip.carriers.provider import Provider
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Response
from voipbin_sip.sip.uri import Uri, parse_uri
from voipbin_sip.transport.resolver import OUTAGE, Place

MAX_DETOURS = 5  # redirections and longer times, for one registration
LONGEST_PAUSE = 1800.0  # seconds


class Search:
    """One round through all servers; where a redirection led stays the place to go until a round fails."""

    def __init__(self, provider: Provider, line: Line) -> None:
        self._provider = provider
        self._line = line
        self._target = provider.server
        self._tried: set[Place] = set()
        self._detours = 0
        self.failure = ""  # of the last server
        self.pause = 0.0  # seconds to wait at least before the next round, because a server asked for it

    @property
    def uri(self) -> Uri:
        """The Request-URI: the provider's domain, or where it has sent us."""
        return self._provider.uri if self._target == self._provider.server else self._target

    def left(self) -> list[Place] | None:
        """Return the servers that have not had their turn; None: DNS has not told yet. Raises ResolveError."""
        places = self._line.locator.places(self._target)
        return None if places is None else [place for place in places if place not in self._tried]

    def done(self) -> None:
        """Note that the round has succeeded."""
        self._tried.clear()
        self._detours, self.failure, self.pause = 0, "", 0.0

    def begin(self) -> None:
        """Begin the next round after one that has failed, at the provider's own servers."""
        self._tried.clear()
        self._detours, self.pause = 0, 0.0
        self._target = self._provider.server

    def impossible(self, place: Place, why: str) -> None:
        """Note that nothing can be sent to a server."""
        self.failure = why
        self._tried.add(place)

    def unserved(self, place: Place, event: Response) -> None:
        """Note that a server was silent or overloaded; everybody passes it over for a while."""
        pause = answers.retry_after(event.headers)
        if len(event.headers):
            why = f"{event.status} to REGISTER from {place.host}"
            self.pause = max(self.pause, min(pause or 0.0, LONGEST_PAUSE))
        else:
            reached = "no answer from" if event.status == 408 else "no connection to"
            why = f"{reached} {place.host}: check hostname, transport and firewall"
        self._line.failed(place, min(pause or OUTAGE, LONGEST_PAUSE))
        self.impossible(place, why)

    def detour(self) -> bool:
        """Count a detour and return whether it may be taken."""
        self._detours += 1
        return self._detours <= MAX_DETOURS

    def redirected(self, event: Response) -> bool:
        """Follow a 3xx; return False where it leads nowhere."""
        self.failure = f"{event.status} to REGISTER leads nowhere"
        if not self.detour():
            return False
        for text in answers.elsewhere(event.status, event.reason, event.headers):
            try:
                uri = parse_uri(text)
            except RemoteProtocolError:
                continue
            if uri.scheme in ("sip", "sips"):
                self._target = Uri(uri.scheme, host=uri.host, port=uri.port, params=uri.params)
                self._tried.clear()
                return True
        return False
