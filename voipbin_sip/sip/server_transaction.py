"""Server transactions: absorb and answer what comes again (RFC 3261 section 17.2, RFC 6026 section 7.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Headers, Request, Response, make_response
from voipbin_sip.sip.next_hop import DEFAULT_PORTS, response_hop
from voipbin_sip.sip.timers import Timer
from voipbin_sip.sip.transaction import INVITE_SERVER, NON_INVITE_SERVER, Act, Input, State, input_of
from voipbin_sip.sip.transaction_key import Key
from voipbin_sip.sip.wire import Wire

_ANSWERED = Request("", "", Headers())  # stands for a request that is not needed any more


class ServerTransaction:
    """One request of a peer and its responses.

    `request` is forgotten with the final response, since the transaction stays for half a minute after it.
    `on_cancel` is called for a CANCEL while there is no final response, `on_end` when the transaction is over.
    """

    __slots__ = (
        "_interval",
        "_last",
        "_life",
        "_repeat",
        "_table",
        "_via_port",
        "_wire",
        "hop",
        "key",
        "on_cancel",
        "on_end",
        "request",
        "source",
        "state",
        "to_tag",
    )

    def __init__(self, wire: Wire, key: Key, request: Request, hop: Hop, to_tag: str) -> None:
        self._wire = wire
        self.key = key
        self.request = request
        self.to_tag = to_tag
        self.source = hop.remote
        self.hop = response_hop(request, hop)
        self._via_port = request.via.port or DEFAULT_PORTS.get(hop.transport, 5060)
        invite = request.method == "INVITE"
        self._table = INVITE_SERVER if invite else NON_INVITE_SERVER
        self.state = State.PROCEEDING if invite else State.TRYING
        self._last = b""
        self._interval = 0.0
        self._repeat: Timer | None = None
        self._life: Timer | None = None
        self.on_cancel: Callable[[float, Request], None] | None = None
        self.on_end: Callable[[ServerTransaction], None] | None = None

    @property
    def answered(self) -> bool:
        """Whether a final response has been given."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    def respond(self, now: float, response: Response) -> bytes:
        """Send a response and return its bytes. A second final one is not sent (2xx: `repeat_success`)."""
        data = response.to_bytes()
        self._wire.count("sent", response.status)
        challenge = response.status in (401, 407)
        self._step(now, Input.CHALLENGE if challenge else input_of(response.status), data)
        if response.status >= 200:
            self.request = _ANSWERED
        return data

    def respond_status(self, now: float, status: int) -> None:
        """Send a response that says nothing but its status."""
        self.respond(now, make_response(self.request, status, to_tag=self.to_tag, received=self.source))

    def repeat_success(self, data: bytes) -> None:
        """Send a 2xx to an INVITE once more, on the user's account (RFC 3261 13.3.1.4)."""
        self._wire.send(self.hop, data)

    def request_again(self, now: float) -> None:
        """Take a retransmission of the request."""
        self._step(now, Input.REQUEST)

    def acknowledged(self, now: float) -> bool:
        """Take an ACK; return whether it is the user's business, being one for a 2xx."""
        passes = self.state is State.ACCEPTED
        self._step(now, Input.ACK)
        return passes

    def connection_lost(self, connection: int) -> None:
        """Answer over a new connection from now on, if that one was ours (RFC 3261 18.2.2)."""
        if self.hop.connection == connection:
            self.hop = replace(self.hop, connection=0, remote=(self.hop.remote[0], self._via_port))

    def _step(self, now: float, what: Input, data: bytes = b"") -> None:
        transition = self._table.get((self.state, what))
        if transition is None:
            return
        state, acts = transition
        if state is not self.state:
            self._stop_timers()
            self.state = state
        for act in acts:
            self._act(now, act, data)
        if state is State.TERMINATED and self.on_end is not None:
            self.on_end(self)

    def _act(self, now: float, act: Act, data: bytes) -> None:
        limits = self._wire.limits
        if act is Act.SEND:
            self._last = data
            self._wire.send(self.hop, data)
        elif act is Act.RESEND:
            if self._last:
                self._wire.send(self.hop, self._last)
        elif act is Act.START_L:
            self._last = b""  # the user repeats its 2xx; nothing here is sent again
            self._live(now, 64 * limits.t1, Input.TIMER_L)
        elif act is Act.START_J:
            self._live(now, self._unreliable(64 * limits.t1), Input.TIMER_J)
        elif act is Act.START_G:
            if self.hop.transport == "UDP":
                self._again(now, limits.t1)
        elif act is Act.NEXT_G:
            self._again(now, min(2 * self._interval, limits.t2))
        elif act is Act.START_H:
            self._live(now, 64 * limits.t1, Input.TIMER_H)
        elif act is Act.START_I:
            self._last = b""
            self._live(now, self._unreliable(limits.t4), Input.TIMER_I)

    def _unreliable(self, seconds: float) -> float:
        """Return the time to stay for retransmissions, which reliable transports do not make."""
        return seconds if self.hop.transport == "UDP" else 0.0

    def _live(self, now: float, seconds: float, end: Input) -> None:
        self._life = self._wire.timers.start(now + seconds, partial(self._step, what=end))

    def _again(self, now: float, interval: float) -> None:
        self._interval = interval
        self._repeat = self._wire.timers.start(now + interval, partial(self._step, what=Input.TIMER_G))

    def _stop_timers(self) -> None:
        self._wire.timers.cancel(self._repeat)
        self._wire.timers.cancel(self._life)
        self._repeat = self._life = None
