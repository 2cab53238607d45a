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
from voipbin_sip.sip.body import session_description
from voipbin_sip.sip.caller import Caller
from voipbin_sip.sip.client_digest import ClientDigest
from voipbin_sip.sip.dialog import Dialog, dialog_of_callee, dialog_to_open
from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import Ended, Hop, Incoming, Limits, Output
from voipbin_sip.sip.hang_up import hang_up
from voipbin_sip.sip.message import Request, Response, parse_message
from voipbin_sip.sip.outside import Outside
from voipbin_sip.sip.phase import DEPARTED, UNANSWERED
from voipbin_sip.sip.refresh import attend
from voipbin_sip.sip.reliable import prepare
from voipbin_sip.sip.replaces import Replaces, replaces_of
from voipbin_sip.sip.screening import capabilities, refusal_headers, screen
from voipbin_sip.sip.sdp import SessionDescription
from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.session import Session
from voipbin_sip.sip.stateless import Stateless
from voipbin_sip.sip.transaction import State
from voipbin_sip.sip.transaction_key import Key, server_key
from voipbin_sip.sip.transactions import Transactions
from voipbin_sip.sip.wire import Wire, own_address

_BUSY_RETRY = (("Retry-After", "5"),)  # s, when a cap is reached


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
        self._legs: dict[str, Session] = {}
        self._opened: set[tuple[str, str, int]] = set()  # Call-ID, From tag, CSeq: to know copies by
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

    def connection_lost(self, now: float, connection: int) -> None:
        """Note that a stream connection is gone; calls go on, over new connections where something must be sent."""
        if connection in self._connections:
            self._connections.discard(connection)
            for session in list(self._legs.values()):
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
        if len(self._legs) >= self._limits.max_legs or self._transactions.full:
            self._wire.emit(Ended(leg, "local", 503, "too many calls"))
            return leg
        digest = None if credentials is None else ClientDigest(*credentials, self._wire.new_token)
        session = Session(
            self._wire, self._transactions, leg, dialog, user=user, digest=digest, on_over=self._forget
        )
        attend(session)
        session.calling = caller = Caller(session, hop, sdp, headers, max_forwards)
        caller.start(now)
        self._legs[leg] = session
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
        credentials: tuple[str, str] | None = None,
        body: bytes = b"",
        content_type: str | None = None,
    ) -> str:
        """Send a request outside of any dialog and return a token; `Response` follows. Arguments as for `invite`."""
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
            transfer.refer(session, now, uri, None if replaces is None else self._replacement(replaces))

    # What can be read

    def leg_of(self, replaces: Replaces) -> str | None:
        """Return the leg that a Replaces names, None if none of ours."""
        session = self._legs.get(replaces.to_tag)
        return session.leg if session and session.has(replaces.call_id, replaces.from_tag) else None

    def dialog(self, leg: str) -> Dialog | None:
        """Return the leg's dialog as a value, None if there is no such leg."""
        session = self._legs.get(leg)
        return None if session is None else session.dialog

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
            "invites": len(self._opened),
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
        session = self._session_of(request)
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
        session = self._session_of(request)
        method = request.method
        if session is None:
            self._stateless.refuse(request, hop, 481, "Call Does Not Exist")
        elif request.cseq.number <= session.dialog.remote_cseq:
            self._stateless.refuse(request, hop, 500, "CSeq Out Of Order")
        elif self._transactions.full and method != "BYE":
            self._stateless.refuse(request, hop, 503, None, _BUSY_RETRY)
        else:
            self._connected(hop)
            transaction = self._transactions.serve(key, request, hop, session.dialog.local_tag)
            in_dialog.handle(session, now, transaction, hop)

    def _new(self, now: float, request: Request, hop: Hop, key: Key) -> None:
        """Take a request outside of any dialog (RFC 3261 8.2)."""
        screen(request, self._limits)
        if request.method == "INVITE":
            self._invite(now, request, hop, key)
        elif request.method in self._asks:
            if self._transactions.full:
                self._stateless.refuse(request, hop, 503, None, _BUSY_RETRY)
            else:
                self._outside.ask(now, request, hop, key)
        elif request.method == "OPTIONS":
            self._stateless.answer(request, hop, 200, headers=capabilities(self._limits))
        else:
            self._stateless.refuse(request, hop, 481, "Call Does Not Exist")

    def _invite(self, now: float, request: Request, hop: Hop, key: Key) -> None:
        """Open a session; all that can go wrong goes wrong before anything is kept."""
        copy_key = (request.call_id, request.from_.tag or "", request.cseq.number)
        if copy_key in self._opened:  # the same INVITE by another way, or very late (RFC 3261 8.2.2.2)
            self._stateless.refuse(request, hop, 482)
            return
        if len(self._legs) >= self._limits.max_legs or self._transactions.full:
            self._stateless.refuse(request, hop, 503, None, _BUSY_RETRY)
            return
        offer = session_description(request)
        replaced = self._replaced(request)
        leg = self._wire.new_token()
        dialog = dialog_of_callee(request, leg, hop)
        transaction = self._transactions.serve(key, request, hop, leg)
        session = Session(
            self._wire,
            self._transactions,
            leg,
            dialog,
            user=request.uri.user or "",
            opening=transaction,
            offerless=offer is None,
            on_over=lambda at, over: self._over(at, over, copy_key),
        )
        session.remote = offer
        session.learn(request)
        attend(session)
        prepare(session)
        transaction.on_cancel = lambda at, cancel: callee.cancelled(session, at, cancel)
        self._legs[leg] = session
        self._opened.add(copy_key)
        self._connected(hop)
        transaction.respond_status(now, 100)
        if "expires" in request.headers:
            callee.expire_later(session, now)
        self._wire.emit(Incoming(leg, request, hop, offer, replaced))

    def _replacement(self, leg: str) -> Replaces:
        """Return how the peer of a leg knows it."""
        session = self._legs.get(leg)
        if session is None:
            raise LocalProtocolError("no such leg to replace")
        dialog = session.dialog
        return Replaces(dialog.call_id, to_tag=dialog.remote_tag, from_tag=dialog.local_tag)

    def _session_of(self, request: Request) -> Session | None:
        """Return the session of a request in a dialog; our tag in it is the leg."""
        session = self._legs.get(request.to.tag or "")
        return session if session and session.has(request.call_id, request.from_.tag or "") else None

    def _replaced(self, request: Request) -> str:
        """Return the leg that an INVITE replaces, "" for none. Raises RemoteProtocolError (RFC 3891 section 3)."""
        replaces = replaces_of(request)
        if replaces is None:
            return ""
        leg = self.leg_of(replaces)
        if leg is None:
            raise RemoteProtocolError(481, "Replaced Call Does Not Exist", request)
        session = self._legs[leg]
        if session.phase in DEPARTED:
            raise RemoteProtocolError(603, "Replaced Call Is Over", request)
        if session.phase in UNANSWERED and session.calling is None:
            raise RemoteProtocolError(481, "Replaced Call Is Not Answered", request)
        if replaces.early_only and session.phase not in UNANSWERED:
            raise RemoteProtocolError(486, "Replaced Call Is Answered", request)
        return leg

    def _connected(self, hop: Hop) -> None:
        if hop.connection:
            self._connections.add(hop.connection)

    def _forget(self, _now: float, session: Session) -> None:
        del self._legs[session.leg]

    def _over(self, now: float, session: Session, copy_key: tuple[str, str, int]) -> None:
        """Forget a session; copies of its INVITE may still be on their way for 64*T1, unless it was challenged."""
        del self._legs[session.leg]
        if session.invite.state is State.TERMINATED:
            self._opened.discard(copy_key)
            return
        self._wire.timers.start(now + 64 * self._limits.t1, lambda _: self._opened.discard(copy_key))
