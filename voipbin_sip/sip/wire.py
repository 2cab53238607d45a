"""What all parts of the core share: outputs in order, timers, tokens, counters and how we call ourselves."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable

from voipbin_sip.sip.build import make_request
from voipbin_sip.sip.events import Event, Hop, Limits, Output, Send
from voipbin_sip.sip.message import Headers, Request
from voipbin_sip.sip.timers import Timers

SUPPORTED = "100rel, timer, replaces"  # option tags, as in Supported headers
LATER_SUPPORTED = "timer, replaces"  # those that mean something after the first offer and answer
METHODS = frozenset(
    (
        *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "REGISTER"),
        *("PRACK", "REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH"),
    )
)


def own_address(hop: Hop) -> tuple[str, int]:
    """Return the socket's own address: what we advertise unless told otherwise."""
    return hop.local


class Wire:
    """The surroundings of every transaction and session of one core."""

    def __init__(
        self,
        new_token: Callable[[], str],
        limits: Limits,
        server_name: str,
        advertise: Callable[[Hop], tuple[str, int]] = own_address,
    ) -> None:
        self.new_token = new_token
        self.limits = limits
        self.server_name = server_name
        self.advertise = advertise
        self.timers = Timers()
        self.counters: Counter[str] = Counter()
        self.outputs: list[Output] = []
        self._chance: random.Random | None = None

    def send(self, hop: Hop, data: bytes) -> None:
        """Queue bytes for a hop."""
        self.outputs.append(Send(hop, data))

    def emit(self, event: Event) -> None:
        """Queue an event for the user of the core."""
        self.outputs.append(event)

    def count(self, kind: str, name: str | int) -> None:
        """Count something; method names that a peer invents share one counter, so that counters stay few."""
        if isinstance(name, str) and name not in METHODS:
            name = "other"
        self.counters[f"{kind}.{name}"] += 1

    def between(self, low: float, high: float) -> float:
        """Return a random number for back-off, never for secrets."""
        if self._chance is None:
            self._chance = random.Random(self.new_token())
        return self._chance.uniform(low, high)

    def request(
        self,
        hop: Hop,
        method: str,
        uri: str,
        *,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        max_forwards: int = 70,
        contact: str | None = None,
        routes: Iterable[str] = (),
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Request:
        """Return a request of ours for a hop, with a new branch. Raises LocalProtocolError as `make_request`."""
        lines = list(headers)
        if self.server_name:
            lines.append(("User-Agent", self.server_name))
        return make_request(
            method,
            uri,
            via=f"{self._via(hop)};branch=z9hG4bK{self.new_token()};rport",
            from_=from_,
            to=to,
            call_id=call_id,
            cseq=cseq,
            max_forwards=max_forwards,
            contact=contact,
            routes=routes,
            headers=lines,
            body=body,
            content_type=content_type,
        )

    def moved(self, request: Request, hop: Hop) -> Request:
        """Return a request of ours as it goes over another hop: the same branch behind another Via."""
        headers = Headers.received(list(request.headers))
        headers.replace("Via", f"{self._via(hop)};branch={request.via.branch};rport")
        return Request(request.method, request.uri_text, headers, request.body)

    def _via(self, hop: Hop) -> str:
        return f"SIP/2.0/{hop.transport} {self.local_authority(hop)}"

    def local_authority(self, hop: Hop) -> str:
        """Return host:port as written into Via and Contact for what goes through this hop."""
        host, port = self.advertise(hop)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
