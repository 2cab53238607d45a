"""Answers that keep no state (RFC 3261 sections 8.2.7 and 16.11): to what is refused before it can cost anything.

The same request always gets the same To tag, retransmissions get the same answer, and a forged source address gets
one short answer for each forged request instead of a train of retransmissions.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import Hop, Refused
from voipbin_sip.sip.message import Request, make_response
from voipbin_sip.sip.next_hop import response_hop
from voipbin_sip.sip.wire import Wire

BUSY_RETRY = (("Retry-After", "5"),)  # s, when a cap is reached


class Stateless:
    """Answers requests without remembering them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._key = wire.new_token().encode()[:64]

    def refuse(
        self,
        request: Request,
        hop: Hop,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Answer with an error and report it."""
        sent = self.answer(request, hop, status, reason, headers)
        self._wire.count("refused", status)
        self._wire.emit(Refused(hop, status if sent else 0, reason or "", request))

    def drop(self, hop: Hop, why: str) -> None:
        """Report something that gets no answer."""
        self._wire.count("refused", 0)
        self._wire.emit(Refused(hop, 0, why))

    def answer(
        self,
        request: Request,
        hop: Hop,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> bool:
        """Answer a request; return False if none can be built or sent, or if it is an ACK."""
        if request.method == "ACK" or "via" not in request.headers:
            return False
        try:
            target = response_hop(request, hop)
        except RemoteProtocolError:  # an unreadable Via: the sender is the one who must learn that
            target = hop
        try:
            response = make_response(
                request, status, reason, to_tag=self._tag(request), headers=headers, received=hop.remote
            )
        except (
            RemoteProtocolError,
            LocalProtocolError,
        ):  # Via is unreadable, or quotes what must not be written
            return False
        self._wire.count("sent", status)
        self._wire.send(target, response.to_bytes())
        return True

    def _tag(self, request: Request) -> str:
        """Return a tag that is the same for the same request and that nobody else can foretell."""
        headers = request.headers
        text = "\n".join(headers.get(name) or "" for name in ("via", "from", "call-id", "cseq"))
        return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8, key=self._key).hexdigest()
