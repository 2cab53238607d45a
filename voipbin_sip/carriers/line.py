"""How requests to providers leave: servers found, an address of ours for each, answers brought back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Protocol

from voipbin_sip.carriers.locator import Locator
from voipbin_sip.sip.client_digest import ClientDigest
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Hop, Response
from voipbin_sip.sip.uri import Uri
from voipbin_sip.transport.resolver import OUTAGE, Place, Resolver


class Outlet(Protocol):
    """The part of an endpoint that is needed here."""

    @property
    def core(self) -> SipCore:
        """The SIP core; its orders leave with `flush`."""
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def local_for(self, transport: str, remote: str) -> tuple[str, int]:
        """Return the address of ours that a message leaves from. Raises LookupError."""
        ...

    def flush(self) -> None:
        """Send what the core has to say."""
        ...


class Line:
    """What registrations and probes share.

    Args:
        expect: brings the answer to a request, by its token (`Switchboard.expect`).
        advertise: the host and port of ours that a peer behind a hop is to use.
        domain: ours.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        outlet: Outlet,
        resolver: Resolver,
        *,
        expect: Callable[[str, Callable[[Response], None]], None],
        advertise: Callable[[Hop], tuple[str, int]],
        domain: str,
        wall: Callable[[], float],
        chance: random.Random | None = None,
    ) -> None:
        self._outlet = outlet
        self._resolver = resolver
        self._expect = expect
        self._advertise = advertise
        self.domain = domain
        self.wall = wall
        self.chance = chance or random.Random()
        self.woken: Callable[[], None] = _nothing  # called when DNS has news
        self.locator = Locator(resolver, outlet.now, lambda: self.woken())

    def now(self) -> float:
        """Monotonic seconds."""
        return self._outlet.now()

    def hop(self, place: Place) -> Hop:
        """Return the way to a server. Raises LookupError where no socket of ours reaches it."""
        return place.hop(self._outlet.local_for(place.transport, place.host))

    def contact(self, user: str, hop: Hop) -> Uri:
        """Return the address under which the peer at a hop reaches us (RFC 3261 section 8.1.1.8)."""
        host, port = self._advertise(hop)
        params = () if hop.transport == "UDP" else (("transport", hop.transport.lower()),)
        return Uri("sip", user=user, host=host, port=port, params=params)

    def ask(
        self,
        method: str,
        hop: Hop,
        answered: Callable[[Response], None],
        *,
        uri: str,
        from_: str,
        to: str | None = None,
        call_id: str | None = None,
        cseq: int = 1,
        headers: Iterable[tuple[str, str]] = (),
        credentials: ClientDigest | None = None,
    ) -> None:
        """Send a request; `answered` is called once, 408 or 503 without headers if nobody answers. Raises SipError."""
        token = self._outlet.core.request(
            self._outlet.now(),
            method,
            hop=hop,
            uri=uri,
            from_=from_,
            to=to,
            call_id=call_id,
            cseq=cseq,
            headers=headers,
            credentials=credentials,
        )
        self._expect(token, answered)
        self._outlet.flush()

    def failed(self, place: Place, seconds: float = OUTAGE) -> None:
        """Let everybody pass a server over for a while."""
        self._resolver.failed(place, seconds)

    def worked(self, place: Place) -> None:
        """Let everybody use a server again."""
        self._resolver.worked(place)


def _nothing() -> None:
    """Nobody waits."""
