"""One INVITE session: its state and what all that happens in it is made of (RFC 3261 sections 12 and 13).

The record is small on purpose. What is done with it lives beside it: `callee` (answering the peer's INVITE), `caller`
(sending ours), `in_dialog` (requests of the peer), `peer_offer` and `own_offer` (re-INVITE and UPDATE, theirs and
ours), `hang_up` (BYE).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial

from voipbin_sip.sip.acceptance import Acceptance
from voipbin_sip.sip.body import SDP
from voipbin_sip.sip.client_digest import ClientDigest, Tried
from voipbin_sip.sip.client_transaction import ClientTransaction
from voipbin_sip.sip.dialog import Dialog
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.events import Ended, Hop
from voipbin_sip.sip.message import Request, Response, make_response
from voipbin_sip.sip.next_hop import request_hop
from voipbin_sip.sip.parts import Calling, Provisionals
from voipbin_sip.sip.phase import DEPARTED, PHASES, UNDECIDED, Move, Phase
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.session_timer import SessionTimer
from voipbin_sip.sip.timers import Timer
from voipbin_sip.sip.transaction import State
from voipbin_sip.sip.transactions import Transactions
from voipbin_sip.sip.wire import SUPPORTED, Wire

_PLAIN_USER = re.compile(r"[-A-Za-z0-9+._*~]{1,64}")  # no escaping needed in a URI


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """A request in the dialog that may have to be sent twice."""

    method: str
    on_response: Callable[[float, Response | None], None]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    content_type: str | None
    tried: Tried = field(default_factory=Counter)


class Session:
    """A call leg: one dialog and the INVITE that opened it."""

    def __init__(
        self,
        wire: Wire,
        transactions: Transactions,
        leg: str,
        dialog: Dialog,
        *,
        user: str,
        opening: ServerTransaction | None = None,
        offerless: bool = False,
        digest: ClientDigest | None = None,
        on_over: Callable[[float, Session], None],
    ) -> None:
        """Make a session; `user` is who we are in it, `opening` the peer's INVITE if it is the caller."""
        self.wire = wire
        self.transactions = transactions
        self.leg = leg
        self.dialog = dialog
        self.opening = opening
        self.calling: Calling | None = None
        self.user = user
        self.offerless = offerless
        self.digest = digest
        self.phase = Phase.PROCEEDING
        self.reliable: Provisionals | None = None  # the peer as caller can do PRACK
        self.early_agreed = False  # offer and answer are complete, the call is not
        self.reminder: Timer | None = None
        self.expiry: Timer | None = None  # of an INVITE with Expires
        self.acceptances: dict[int, Acceptance] = {}  # by CSeq number of the INVITE
        self.peer_offer: ServerTransaction | None = None  # re-INVITE or UPDATE that waits for our user
        self.peer_offerless = False  # peer_offer is a re-INVITE that asks us for an offer
        self.local: SessionDescription | None = None  # our part of what was agreed last
        self.remote: SessionDescription | None = None  # the peer's
        self.peer_description: SessionDescription | None = None  # of peer_offer
        self.own_offer: SessionDescription | None = None  # of a re-INVITE of ours until it is settled
        self.refreshing = (
            False  # own_offer changes nothing, and nobody but the session's timer has asked for it
        )
        self.next_offer: SessionDescription | None = None  # ours, that waits for the end of a refresh
        self.own_invite: ClientTransaction | None = None  # while it waits for its final response
        self.retry: Timer | None = None  # of own_offer, while it must wait
        self.clients: list[ClientTransaction] = []
        self.refer_event: str | None = None  # Event header of the transfer that the peer has asked us for
        self.referred = False  # the peer has asked for one before
        self.referring = False  # the peer is at one for us
        self.transfer_end: Timer | None = None  # of the peer's
        self.referring_end: Timer | None = None  # of ours
        self.timer = SessionTimer(wire.timers, wire.limits)
        self.peer_updates = False  # the peer allows UPDATE
        self.bye_reason = ""
        self._on_over = on_over
        self._ended = False

    @property
    def invite(self) -> ServerTransaction:
        """The peer's INVITE that opened the session. Raises LocalProtocolError if it was ours."""
        if self.opening is None:
            raise LocalProtocolError("the leg is an outgoing one")
        return self.opening

    def learn(self, message: Request | Response) -> None:
        """Note what the peer says of itself."""
        if "allow" in message.headers:
            self.peer_updates = "UPDATE" in (method.upper() for method in message.headers.values("allow"))

    def can(self, move: Move) -> bool:
        """Return whether the session's phase allows a move."""
        return (self.phase, move) in PHASES

    def move(self, now: float, move: Move) -> None:
        """Go to the next phase; a move that the phase does not know raises KeyError, callers ask `can` first."""
        self.phase = PHASES[self.phase, move]
        if self.phase is Phase.OVER:
            self._close(now)

    def end(self, by: str, status: int, reason: str, cause: int = 0, contacts: tuple[str, ...] = ()) -> None:
        """Tell the user that the leg is over, the first time only."""
        if not self._ended:
            self._ended = True
            silent = self.calling is not None and not self.calling.is_heard
            self.wire.emit(Ended(self.leg, by, status, reason, cause, contacts, silent))

    @cached_property
    def contact(self) -> str:
        """Our Contact in this dialog; the user part is who was called or calls, if it is a plain one.

        It is a sips: one where the peer, or the proxy next to us, is one (RFC 3261 8.1.1.8 and 12.1.1).
        """
        hop = self.dialog.hop
        user = self.user if _PLAIN_USER.fullmatch(self.user) else "voipbin"
        secure = self.dialog.secure or self.dialog.next_hop_uri().scheme == "sips"
        if secure and hop.transport == "TLS":
            return f"<sips:{user}@{self.wire.local_authority(hop)}>"
        transport = "" if hop.transport == "UDP" else f";transport={hop.transport.lower()}"
        return f"<sip:{user}@{self.wire.local_authority(hop)}{transport}>"

    def response(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        sdp: SessionDescription | None = None,
    ) -> Response:
        """Return a response to a request of the peer, with Contact where it belongs (RFC 3261 table 2)."""
        lines = list(headers)
        if transaction.request.method in ("INVITE", "UPDATE") and 100 < status < 300:
            lines.append(("Contact", self.contact))
            if status >= 200:  # RFC 3261 13.3.1.4
                lines.append(("Allow", ", ".join(self.wire.limits.allow)))
                lines.append(("Supported", SUPPORTED))
        if self.wire.server_name and status > 100:
            lines.append(("Server", self.wire.server_name))
        return make_response(
            transaction.request,
            status,
            reason,
            to_tag=self.dialog.local_tag,
            headers=lines,
            body=b"" if sdp is None else sdp.to_bytes(),
            content_type=None if sdp is None else SDP,
            received=transaction.source,
        )

    def respond(
        self,
        now: float,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Answer a request of the peer."""
        transaction.respond(now, self.response(transaction, status, reason, headers))

    def request(
        self,
        now: float,
        method: str,
        on_response: Callable[[float, Response | None], None],
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> ClientTransaction:
        """Send a request in the dialog, again with credentials if it is challenged.

        `on_response` is called as by ClientTransaction.
        """
        return self._send(now, _Wanted(method, on_response, tuple(headers), body, content_type))

    def _send(self, now: float, wanted: _Wanted) -> ClientTransaction:
        dialog = self.dialog.next_request()
        request = self.build(
            dialog,
            wanted.method,
            dialog.local_cseq,
            headers=wanted.headers,
            body=wanted.body,
            content_type=wanted.content_type,
        )
        self.dialog = dialog
        hop = request_hop(dialog.next_hop_uri(), dialog.hop)
        return self.begin(now, request, hop, partial(self._answered, wanted))

    def _answered(self, wanted: _Wanted, now: float, response: Response | None) -> None:
        if response is None or not self._try_again(wanted.method, response, wanted.tried):
            wanted.on_response(now, response)
        else:
            self._send(now, wanted)

    def has(self, call_id: str, remote_tag: str) -> bool:
        """Return whether that is a dialog of this session; of several early ones it becomes the current one."""
        if call_id != self.dialog.call_id:
            return False
        if self.calling is not None and self.phase in UNDECIDED:
            return self.calling.select(remote_tag)
        return remote_tag == self.dialog.remote_tag

    def begin(
        self, now: float, request: Request, hop: Hop, on_response: Callable[[float, Response | None], None]
    ) -> ClientTransaction:
        """Begin a client transaction of this session."""
        transaction = self.transactions.request(now, request, hop, on_response)
        self.clients = [client for client in self.clients if client.state is not State.TERMINATED]
        self.clients.append(transaction)
        return transaction

    def ack(
        self,
        number: int,
        dialog: Dialog | None = None,
        sdp: SessionDescription | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> bytes:
        """Return the ACK for a 2xx to our INVITE of that CSeq number: a request of its own (RFC 3261 13.2.2.4)."""
        return self.build(
            dialog or self.dialog,
            "ACK",
            number,
            headers=headers,
            body=b"" if sdp is None else sdp.to_bytes(),
            content_type=None if sdp is None else SDP,
        ).to_bytes()

    def send_ack(self, data: bytes, dialog: Dialog | None = None) -> None:
        """Send an ACK, which has no transaction."""
        dialog = dialog or self.dialog
        self.wire.send(request_hop(dialog.next_hop_uri(), dialog.hop), data)

    def connection_lost(self, now: float, connection: int) -> None:
        """Stop using a connection; what waits for it goes over a new one."""
        if self.dialog.hop.connection == connection:
            self.dialog = self.dialog.without_connection()
        if self.opening is not None:
            self.opening.connection_lost(connection)
        for acceptance in self.acceptances.values():
            acceptance.transaction.connection_lost(connection)
        if self.peer_offer is not None:
            self.peer_offer.connection_lost(connection)
        remote = request_hop(self.dialog.next_hop_uri(), self.dialog.hop).remote
        for client in self.clients:
            client.connection_lost(now, connection, remote)

    def build(
        self,
        dialog: Dialog,
        method: str,
        number: int,
        *,
        hop: Hop | None = None,
        max_forwards: int = 70,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Request:
        """Return a request in a dialog, for the hop that it goes to unless another is given."""
        uri, routes = dialog.routing()
        lines = list(headers)
        if self.digest is not None and method != "ACK":  # an ACK repeats those of its INVITE (section 22.1)
            lines += self.digest.headers(method, uri, body)
        return self.wire.request(
            hop or request_hop(dialog.next_hop_uri(), dialog.hop),
            method,
            uri,
            from_=dialog.local_party,
            to=dialog.remote_party,
            call_id=dialog.call_id,
            cseq=number,
            max_forwards=max_forwards,
            contact=self.contact if method in ("INVITE", "UPDATE") else None,
            routes=routes,
            headers=lines,
            body=body,
            content_type=content_type,
        )

    def _try_again(self, method: str, response: Response, tried: Tried) -> bool:
        """Return whether credentials may help a request that got this response (RFC 3261 22.2)."""
        if self.digest is None or (self.phase in DEPARTED and method != "BYE"):
            return False
        return self.digest.learn(response, tried)

    def _close(self, now: float) -> None:
        """Stop all that runs by itself; what the peer still waits for is answered (RFC 3261 15.1.2)."""
        timers = self.wire.timers
        timers.cancel(self.reminder)
        timers.cancel(self.expiry)
        timers.cancel(self.retry)
        timers.cancel(self.transfer_end)
        timers.cancel(self.referring_end)
        self.timer.close()
        if self.reliable is not None:
            self.reliable.stop()
            self.reliable = None
        for acceptance in self.acceptances.values():
            acceptance.stop()
        self.acceptances.clear()
        for pending in (self.opening, self.peer_offer):
            if pending is not None and not pending.answered:
                self.respond(now, pending, 487)
        self.peer_offer = None
        if self.opening is not None:
            self.opening.on_cancel = None  # the transaction stays longer than the session
        self.calling = None
        self.clients.clear()
        self._on_over(now, self)
