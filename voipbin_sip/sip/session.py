"""One INVITE session: its state and what all that happens in it is made of (RFC 3261 sections 12 and 13).

The record is small on purpose. What is done with it lives beside it: `callee` (answering the INVITE), `in_dialog`
(requests of the peer), `peer_offer` and `own_offer` (re-INVITE and UPDATE, theirs and ours), `hang_up` (BYE).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property

from voipbin_sip.sip.acceptance import Acceptance
from voipbin_sip.sip.body import SDP
from voipbin_sip.sip.client_transaction import ClientTransaction
from voipbin_sip.sip.dialog import Dialog
from voipbin_sip.sip.events import Ended
from voipbin_sip.sip.message import Request, Response, make_request, make_response
from voipbin_sip.sip.next_hop import request_hop
from voipbin_sip.sip.phase import PHASES, Move, Phase
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.timers import Timer
from voipbin_sip.sip.transaction import State
from voipbin_sip.sip.transactions import Transactions
from voipbin_sip.sip.wire import Wire

_PLAIN_USER = re.compile(r"[-A-Za-z0-9+._*~]{1,64}")  # no escaping needed in a URI


class Session:
    """A call leg: one dialog and the INVITE that opened it."""

    def __init__(
        self,
        wire: Wire,
        transactions: Transactions,
        leg: str,
        dialog: Dialog,
        invite: ServerTransaction,
        *,
        offerless: bool,
        on_over: Callable[[float, Session], None],
    ) -> None:
        self.wire = wire
        self.transactions = transactions
        self.leg = leg
        self.dialog = dialog
        self.invite = invite
        request = invite.request
        self.called_user = request.uri.user or ""
        self.copy_key = (request.call_id, request.from_.tag or "", request.cseq.number)
        self.offerless = offerless
        self.phase = Phase.PROCEEDING
        self.reminder: Timer | None = None
        self.expiry: Timer | None = None  # of an INVITE with Expires
        self.acceptances: dict[int, Acceptance] = {}  # by CSeq number of the INVITE
        self.peer_offer: ServerTransaction | None = None  # re-INVITE or UPDATE that waits for our user
        self.peer_offerless = False  # peer_offer is a re-INVITE that asks us for an offer
        self.own_offer: SessionDescription | None = None  # of a re-INVITE of ours until it is settled
        self.own_invite: ClientTransaction | None = None  # while it waits for its final response
        self.retry: Timer | None = None  # of own_offer, while it must wait
        self.clients: list[ClientTransaction] = []
        self.bye_reason = ""
        self._on_over = on_over
        self._ended = False

    def can(self, move: Move) -> bool:
        """Return whether the session's phase allows a move."""
        return (self.phase, move) in PHASES

    def move(self, now: float, move: Move) -> None:
        """Go to the next phase; a move that the phase does not know raises KeyError, callers ask `can` first."""
        self.phase = PHASES[self.phase, move]
        if self.phase is Phase.OVER:
            self._close(now)

    def end(self, by: str, status: int, reason: str, cause: int = 0) -> None:
        """Tell the user that the leg is over, the first time only."""
        if not self._ended:
            self._ended = True
            self.wire.emit(Ended(self.leg, by, status, reason, cause))

    @cached_property
    def contact(self) -> str:
        """Our Contact in this dialog; the user part is the one that was called, if it is a plain one."""
        hop = self.dialog.hop
        user = self.called_user if _PLAIN_USER.fullmatch(self.called_user) else "voipbin"
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
        """Send a request in the dialog; `on_response` as in ClientTransaction."""
        dialog = self.dialog.next_request()
        request = self._build(dialog, method, dialog.local_cseq, headers, body, content_type)
        self.dialog = dialog
        hop = request_hop(dialog.next_hop_uri(), dialog.hop)
        transaction = self.transactions.request(now, request, hop, on_response)
        self.clients = [client for client in self.clients if client.state is not State.TERMINATED]
        self.clients.append(transaction)
        return transaction

    def ack(self, number: int) -> bytes:
        """Return the ACK for a 2xx to our INVITE of that CSeq number: a request of its own (RFC 3261 13.2.2.4)."""
        return self._build(self.dialog, "ACK", number, (), b"", None).to_bytes()

    def send_ack(self, data: bytes) -> None:
        """Send an ACK, which has no transaction."""
        self.wire.send(request_hop(self.dialog.next_hop_uri(), self.dialog.hop), data)

    def connection_lost(self, now: float, connection: int) -> None:
        """Stop using a connection; what waits for it goes over a new one."""
        if self.dialog.hop.connection == connection:
            self.dialog = self.dialog.without_connection()
        self.invite.connection_lost(connection)
        for acceptance in self.acceptances.values():
            acceptance.transaction.connection_lost(connection)
        if self.peer_offer is not None:
            self.peer_offer.connection_lost(connection)
        remote = request_hop(self.dialog.next_hop_uri(), self.dialog.hop).remote
        for client in self.clients:
            client.connection_lost(now, connection, remote)

    def _build(
        self,
        dialog: Dialog,
        method: str,
        number: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        content_type: str | None,
    ) -> Request:
        uri, routes = dialog.routing()
        hop = request_hop(dialog.next_hop_uri(), dialog.hop)
        via = f"SIP/2.0/{hop.transport} {self.wire.local_authority(hop)};branch=z9hG4bK{self.wire.new_token()};rport"
        lines = list(headers)
        if self.wire.server_name:
            lines.append(("User-Agent", self.wire.server_name))
        return make_request(
            method,
            uri,
            via=via,
            from_=dialog.local_party,
            to=dialog.remote_party,
            call_id=dialog.call_id,
            cseq=number,
            contact=self.contact if method in ("INVITE", "UPDATE") else None,
            routes=routes,
            headers=lines,
            body=body,
            content_type=content_type,
        )

    def _close(self, now: float) -> None:
        """Stop all that runs by itself; what the peer still waits for is answered (RFC 3261 15.1.2)."""
        timers = self.wire.timers
        timers.cancel(self.reminder)
        timers.cancel(self.expiry)
        timers.cancel(self.retry)
        for acceptance in self.acceptances.values():
            acceptance.stop()
        self.acceptances.clear()
        for pending in (self.invite, self.peer_offer):
            if pending is not None and not pending.answered:
                self.respond(now, pending, 487)
        self.peer_offer = None
        self.invite.on_cancel = None  # the transaction stays longer than the session
        self._on_over(now, self)
