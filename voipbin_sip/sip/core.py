"""The SIP core: messages and time in, messages and events out; no sockets, no clock (RFC 3261 and friends).

The transports call `receive`, `tick` and `connection_lost`, whoever owns the calls gives the orders, and after each
of these somebody takes the outputs. A call goes: `Incoming`, then `ring`, `progress` and `answer` or `reject`,
`Confirmed`, offers and digits, and exactly one `Ended`. A call of ours begins with `invite`, then `Progress` and
`Answered`, and goes on like that. Orders on a leg that is over are ignored, since its `Ended`
may still be waiting to be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from voipbin_sip.sip import callee, in_dialog, own_offer, peer_offer, transfer
from voipbin_sip.sip.client_digest import ClientDigest
from voipbin_sip.sip.dialog import Dialog, dialog_to_open
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop, Limits, Output
from voipbin_sip.sip.hang_up import hang_up
from voipbin_sip.sip.legs import Legs
from voipbin_sip.sip.message import Request, Response, parse_message
from voipbin_sip.sip.outside import Outside
from voipbin_sip.sip.replaces import Replaces
from voipbin_sip.sip.screening import capabilities, refusal_headers, screen
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.stateless import BUSY_RETRY, Stateless
from voipbin_sip.sip.transaction_key import Key, server_key
from voipbin_sip.sip.transactions import Transactions
from voipbin_sip.sip.wire import Wire, own_address


class SipCore:
    """All SIP state of one server. Times are seconds of one monotonic clock; nothing raises on a peer's input."""

    def __init__(
        self,
        *,
        new_token: Callable[[], str],
        limits: Limits | None = None,
        server_name: str = "voipbin-sip",
        advertise: Callable[[Hop], tuple[str, int]] = own_address,
        asks: frozenset[str] = frozenset(),
    ) -> None:
        """Make a core.

        `new_token` returns a fresh unguessable token (letters and digits) each time, for legs, tags and branches.
        `advertise` maps a hop to the host and port that Via and Contact name. `asks` are the methods outside of
        dialogs that come up as `Asked`; other ones are refused, and OPTIONS answered by the core.
        """
        self._limits = limits or Limits()
        more = tuple(sorted(asks.difference(self._limits.allow)))
        self._limits = replace(self._limits, allow=self._limits.allow + more)
        self._asks = asks
        self._wire = Wire(new_token, self._limits, server_name, advertise)
        self._transactions = Transactions(self._wire)
        self._stateless = Stateless(self._wire)
        self._outside = Outside(self._wire, self._transactions)
        self._legs = Legs(self._wire, self._transactions, self._stateless)
        self._connections: set[int] = set()  # that legs use or have used

    # What the transports bring

    def receive(self, now: float, data: bytes, hop: Hop) -> None:
        """Take one whole message: a datagram, or what was framed from a stream."""
        if not data.strip(b"\r\n\0"):  # keep-alive of a phone behind a NAT
            self._wire.counters["received.keepalive"] += 1
            return
        if len(data) > self._limits.max_message:
            self._stateless.drop(hop, "message too long")
            return
        message: Request | Response | None = None
        try:
            message = parse_message(data, stream=hop.transport != "UDP")
            if isinstance(message, Request):
                self._wire.count("received", message.method)
                self._request(now, message, hop)
            else:
                self._wire.count("received", message.status)
                self._response(now, message, hop)
        except RemoteProtocolError as error:
            request = error.request or message
            if isinstance(request, Request):
                headers = refusal_headers(error.status, request, self._limits)
                self._stateless.refuse(request, hop, error.status, error.reason, headers)
            else:
                self._stateless.drop(hop, error.reason)

    def tick(self, now: float) -> None:
        """Let all timers fire that are due."""
        self._wire.timers.run(now)

    def deadline(self) -> float | None:
        """Return when `tick` is due next, None if nothing waits."""
        return self._wire.timers.deadline()

    def take(self) -> list[Output]:
        """Return and forget all outputs since the last time, in order."""
        outputs, self._wire.outputs = self._wire.outputs, []
        return outputs

    def connection_lost(self, now: float, connection: int, opened_for: Hop | None = None) -> None:
        """Note that a stream connection is gone; calls go on, over new connections where something must be sent.

        `opened_for` is the hop that we opened it for: requests that went there and have no answer yet fail with 503.
        """
        if opened_for is not None:
            self._transactions.connection_lost(now, opened_for)
        if connection in self._connections:
            self._connections.discard(connection)
            for session in self._legs.all():
                session.connection_lost(now, connection)
            self._outside.connection_lost(now, connection)

    def send_failed(self, now: float, hop: Hop) -> None:
        """Note that the transport cannot reach a hop: a refused connection, or one that does not come about.

        Requests that were too long for UDP are sent over UDP then (RFC 3261 18.1.1), all others fail with 503.
        """
        self._transactions.send_failed(now, hop)

    # Orders for a new leg

    def invite(
        self,
        now: float,
        *,
        hop: Hop,
        uri: str,
        from_: str,
        to: str | None = None,
        sdp: SessionDescription | None,
        headers: Iterable[tuple[str, str]] = (),
        route: Iterable[str] = (),
        credentials: tuple[str, str] | None = None,
        call_id: str | None = None,
        max_forwards: int = 70,
    ) -> str:
        """Call `uri` by way of `hop` and return the new leg; `Answered` or `Ended` follows.

        `from_` and `to` are name-addrs without tag, `route` name-addrs too; `sdp` None leaves the offer to the callee.
        `credentials` (user name, password) answer challenges. `max_forwards` is one less than that of the call that
        this one goes on for, so that calls cannot go round in circles.
        Raises LocalProtocolError for what must not be written.
        """
        leg = self._wire.new_token()
        dialog, user = dialog_to_open(
            uri, leg, hop, from_=from_, to=to, call_id=call_id or self._wire.new_token(), routes=route
        )
        self._legs.call(
            now,
            dialog,
            user,
            sdp=sdp,
            headers=headers,
            credentials=credentials,
            max_forwards=max_forwards,
        )
        self._connected(hop)
        return leg

    # Orders outside of legs

    def respond(
        self,
        now: float,
        token: str,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer what was `Asked`. After a 401 or 407 nothing is kept: the request comes up anew if it is repeated."""
        self._outside.respond(now, token, status, reason, headers, body, content_type)

    def request(
        self,
        now: float,
        method: str,
        *,
        hop: Hop,
        uri: str,
        from_: str,
        to: str | None = None,
        call_id: str | None = None,
        cseq: int = 1,
        headers: Iterable[tuple[str, str]] = (),
        route: Iterable[str] = (),
        credentials: tuple[str, str] | ClientDigest | None = None,
        body: bytes = b"",
        content_type: str | None = None,
    ) -> str:
        """Send a request outside of any dialog and return a token; `Response` follows. Arguments as for `invite`.

        Credentials as a `ClientDigest` remember the challenges from one request to the next.
        """
        self._connected(hop)
        return self._outside.request(
            now,
            method,
            hop=hop,
            uri=uri,
            from_=from_,
            to=to,
            call_id=call_id,
            cseq=cseq,
            headers=headers,
            route=route,
            credentials=credentials,
            body=body,
            content_type=content_type,
        )

    # Orders on a leg

    def ring(self, now: float, leg: str) -> None:
        """Send 180 Ringing."""
        if session := self._legs.get(leg):
            callee.provisional(session, now, 180)

    def progress(self, now: float, leg: str, sdp: SessionDescription) -> None:
        """Send 183 with a session description: early media."""
        if session := self._legs.get(leg):
            callee.provisional(session, now, 183, sdp)

    def answer(self, now: float, leg: str, sdp: SessionDescription) -> None:
        """Answer the call; `Confirmed` or `Ended` follows."""
        if session := self._legs.get(leg):
            callee.answer(session, now, sdp)

    def reject(
        self,
        now: float,
        leg: str,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Refuse the call with a status from 300 up; 401 and 407 keep no state, a repeated INVITE comes up anew."""
        if session := self._legs.get(leg):
            callee.reject(session, now, status, reason, headers)

    def accept_offer(self, now: float, leg: str, sdp: SessionDescription) -> None:
        """Settle an `Offer` with our answer (or our offer, if it had none)."""
        if session := self._legs.get(leg):
            peer_offer.accept_offer(session, now, sdp)

    def refuse_offer(self, now: float, leg: str, status: int = 488, reason: str | None = None) -> None:
        """Settle an `Offer` by refusing it; the session goes on unchanged."""
        if session := self._legs.get(leg):
            peer_offer.refuse(session, now, status, reason)

    def offer(self, now: float, leg: str, sdp: SessionDescription) -> None:
        """Change the session by a re-INVITE of ours; `OfferAnswered` or `OfferRefused` follows."""
        if session := self._legs.get(leg):
            own_offer.offer(session, now, sdp)

    def info_digit(self, now: float, leg: str, digit: str, duration: int = 160) -> None:
        """Send a digit by INFO; `duration` in ms."""
        if session := self._legs.get(leg):
            in_dialog.send_digit(session, now, digit, duration)

    def hang_up(self, now: float, leg: str, *, cause: int = 16, reason_text: str = "") -> None:
        """End the leg for a Q.850 cause: BYE, or if it is unanswered a rejection, or CANCEL where we call."""
        if session := self._legs.get(leg):
            hang_up(session, now, cause, reason_text)

    def notify_transfer(self, now: float, leg: str, status: int, reason: str, *, final: bool) -> None:
        """Tell how the `Transfer` goes that the peer has asked for; ignored once it was told to be final."""
        if session := self._legs.get(leg):
            transfer.notify(session, now, status, reason, final=final)

    def refer(self, now: float, leg: str, uri: str, replaces: str | None = None) -> None:
        """Ask the peer to call `uri`, in the place of our leg `replaces` with that; `TransferProgress` follows.

        Raises LocalProtocolError if the call is not answered or is being transferred, or if there is no such leg.
        """
        if session := self._legs.get(leg):
            transfer.refer(session, now, uri, None if replaces is None else self._legs.replacement(replaces))

    # What can be read

    def leg_of(self, replaces: Replaces) -> str | None:
        """Return the leg that a Replaces names, None if none of ours."""
        session = self._legs.replaced_by(replaces)
        return None if session is None else session.leg

    def dialog(self, leg: str) -> Dialog | None:
        """Return the leg's dialog as a value, None if there is no such leg."""
        session = self._legs.get(leg)
        return None if session is None else session.dialog

    def is_heard(self, leg: str) -> bool:
        """Return whether anything has come back to the INVITE of a leg that we opened, a 100 at least."""
        session = self._legs.get(leg)
        return session is not None and session.calling is not None and session.calling.is_heard

    @property
    def counters(self) -> Mapping[str, int]:
        """Counts by `received.METHOD`, `received.STATUS`, `sent.…`, `refused.STATUS`; only ever growing."""
        return self._wire.counters

    @property
    def sizes(self) -> Mapping[str, int]:
        """How much state there is now: legs, transactions, timers."""
        return {
            "legs": len(self._legs),
            "transactions": len(self._transactions),
            "timers": len(self._wire.timers),
            "invites": self._legs.opened,
        }

    # Inner workings

    def _response(self, now: float, response: Response, hop: Hop) -> None:
        if len(response.vias) == 1 and self._transactions.receive(now, response, hop):
            self._connected(hop)
        else:
            self._stateless.drop(hop, f"response {response.status} to nothing of ours")

    def _request(self, now: float, request: Request, hop: Hop) -> None:
        key = server_key(request)
        transaction = self._transactions.server(key)
        if request.method == "ACK":
            self._ack(now, request, hop, transaction)
        elif transaction is not None:
            self._wire.counters["received.again"] += 1
            transaction.request_again(now)
        elif request.method == "CANCEL":
            self._cancel(now, request, hop, key)
        elif request.to.tag is not None and request.method != "REGISTER":
            self._in_dialog(now, request, hop, key)
        else:
            self._new(now, request, hop, key)

    def _ack(self, now: float, request: Request, hop: Hop, transaction: ServerTransaction | None) -> None:
        """Give an ACK to the INVITE that failed, or to the session whose 2xx it confirms."""
        if transaction is not None and not transaction.acknowledged(now):
            return
        session = self._legs.of(request)
        if session is None and transaction is not None:
            # pyVoIP: a To tag that is not ours, but Via branch, Call-ID and CSeq of the INVITE
            session = self._legs.get(transaction.to_tag)
        if session is not None:
            self._connected(hop)
            callee.acknowledged(session, now, request, hop)

    def _cancel(self, now: float, request: Request, hop: Hop, key: Key) -> None:
        """RFC 3261 9.2. A CANCEL that comes after the final response changes nothing, but gets its 200."""
        invite = self._transactions.server(server_key(request, "INVITE"))
        if invite is None:
            self._stateless.refuse(request, hop, 481, "Transaction Does Not Exist")
            return
        transaction = self._transactions.serve(key, request, hop, invite.to_tag)
        transaction.respond_status(now, 200)
        if not invite.answered and invite.on_cancel is not None:
            invite.on_cancel(now, request)

    def _in_dialog(self, now: float, request: Request, hop: Hop, key: Key) -> None:
        session = self._legs.of(request)
        method = request.method
        if session is None:
            self._stateless.refuse(request, hop, 481, "Call Does Not Exist")
        elif request.cseq.number <= session.dialog.remote_cseq:
            self._stateless.refuse(request, hop, 500, "CSeq Out Of Order")
        elif self._transactions.full and method != "BYE":
            self._stateless.refuse(request, hop, 503, None, BUSY_RETRY)
        else:
            self._connected(hop)
            transaction = self._transactions.serve(key, request, hop, session.dialog.local_tag)
            in_dialog.handle(session, now, transaction, hop)

    def _new(self, now: float, request: Request, hop: Hop, key: Key) -> None:
        """Take a request outside of any dialog (RFC 3261 8.2)."""
        screen(request, self._limits)
        if request.method == "INVITE":
            self._connected(hop)
            self._legs.open(now, request, hop, key)
        elif request.method in self._asks:
            if self._transactions.full:
                self._stateless.refuse(request, hop, 503, None, BUSY_RETRY)
            else:
                self._outside.ask(now, request, hop, key)
        elif request.method == "OPTIONS":
            self._stateless.answer(request, hop, 200, headers=capabilities(self._limits))
        else:
            self._stateless.refuse(request, hop, 481, "Call Does Not Exist")

    def _connected(self, hop: Hop) -> None:
        if hop.connection:
            self._connections.add(hop.connection)
