"""Client transactions: repeat a request until it is answered (RFC 3261 section 17.1, RFC 6026 section 7.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from voipbin_sip.sip.build import make_request
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Headers, Request, Response
from voipbin_sip.sip.timers import Timer
from voipbin_sip.sip.transaction import INVITE_CLIENT, NON_INVITE_CLIENT, Act, Input, State, input_of
from voipbin_sip.sip.transaction_key import Key
from voipbin_sip.sip.wire import Wire

_TIMER_D = 32.0  # s, RFC 3261 17.1.1.2, on unreliable transports
_UNREACHABLE = Response(503, "Connection Failed", Headers())  # RFC 3261 8.1.3.1


class ClientTransaction:
    """One request of ours.

    `on_response` gets every response that matters, the final one once (each 2xx to an INVITE), and None for
    "no answer in time", which RFC 3261 8.1.3.1 treats like a 408. An INVITE that had a provisional response may report
    that twice: the first time it is still good for `cancel`. A 503 without any header is ours: the transport failed.
    """

    __slots__ = (
        "_data",
        "_datagram",
        "_interval",
        "_life",
        "_on_response",
        "_repeat",
        "_started",
        "_table",
        "_wire",
        "heard",
        "hop",
        "key",
        "on_end",
        "request",
        "state",
    )

    def __init__(
        self,
        wire: Wire,
        request: Request,
        hop: Hop,
        on_response: Callable[[float, Response | None], None],
        *,
        datagram: tuple[Request, Hop] | None = None,
    ) -> None:
        """Make a transaction; `datagram` is what to send over UDP instead if `hop`, a stream, cannot be reached."""
        self._wire = wire
        self.request = request
        self.hop = hop
        self.heard = hop  # how the last response came in
        self._datagram = datagram
        self._on_response = on_response
        invite = request.method == "INVITE"
        self._table = INVITE_CLIENT if invite else NON_INVITE_CLIENT
        self.state = State.CALLING if invite else State.TRYING
        self.key: Key = ((request.via.branch or "").lower(), request.method)
        self._data = request.to_bytes()
        self._interval = wire.limits.t1
        self._started = 0.0
        self._repeat: Timer | None = None
        self._life: Timer | None = None
        self.on_end: Callable[[ClientTransaction], None] | None = None

    def start(self, now: float) -> None:
        """Send the request for the first time."""
        self._started = now
        self._wire.count("sent", self.request.method)
        self._wire.send(self.hop, self._data)
        invite = self.request.method == "INVITE"
        self._act(now, Act.START_B if invite else Act.START_F, None)
        self._act(now, Act.START_A if invite else Act.START_E, None)

    def receive(self, now: float, response: Response, hop: Hop) -> None:
        """Take a response whose branch and method match."""
        self.heard = hop
        self._step(now, input_of(response.status), response)

    def cancel(self, now: float, headers: Iterable[tuple[str, str]] = ()) -> Request | None:
        """Give up an INVITE: return the CANCEL to send, None where it is too early or too late for one.

        Too early is before the first provisional response (RFC 3261 9.1).
        """
        if self.state not in (State.PROCEEDING, State.CANCELLING):
            return None
        self._step(now, Input.CANCEL)
        return cancel_request(self.request, headers)

    def send_failed(self, now: float) -> None:
        """Note that the transport cannot deliver to our hop: try UDP if that was the first choice, else give up."""
        if self.state not in (State.CALLING, State.TRYING):
            return
        if self._datagram is None:
            self._step(now, Input.UNREACHABLE)
            return
        self._stop_timers()
        (self.request, self.hop), self._datagram = self._datagram, None
        self._data = self.request.to_bytes()
        self.start(now)

    def connection_lost(self, now: float, connection: int, remote: tuple[str, int]) -> None:
        """Send the request over a new connection to `remote` if it was waiting on that one."""
        if self.hop.connection == connection:
            self.hop = replace(self.hop, connection=0, remote=remote)
            if self.state in (State.CALLING, State.TRYING, State.PROCEEDING):
                self._wire.send(self.hop, self._data)

    def _step(self, now: float, what: Input, response: Response | None = None) -> None:
        transition = self._table.get((self.state, what))
        if transition is None:
            return
        state, acts = transition
        if state is not self.state:
            self._stop_timers()
            self.state = state
        for act in acts:
            self._act(now, act, response)
        if state is State.TERMINATED:
            self._on_response = _nobody  # who asked mostly holds the transaction: both are freed at once so
            if self.on_end is not None:
                self.on_end(self)

    def _act(self, now: float, act: Act, response: Response | None) -> None:
        limits = self._wire.limits
        if act is Act.PASS or act is Act.REPORT_TIMEOUT:
            self._on_response(now, response)
        elif act is Act.REPORT_UNREACHABLE:
            self._on_response(now, _UNREACHABLE)
        elif act is Act.SEND_ACK:
            if response is not None:
                self._wire.send(self.hop, failure_ack(self.request, response).to_bytes())
        elif act is Act.RESEND:
            self._wire.send(self.hop, self._data)
        elif act is Act.START_A:
            self._again(now, limits.t1, Input.TIMER_A)
        elif act is Act.NEXT_A:
            self._again(now, 2 * self._interval, Input.TIMER_A)
        elif act is Act.START_E:
            self._again(now, limits.t1, Input.TIMER_E)
        elif act is Act.NEXT_E:
            self._again(now, min(2 * self._interval, limits.t2), Input.TIMER_E)
        elif act is Act.SLOW_E:
            self._again(now, limits.t2, Input.TIMER_E)
        elif act is Act.START_B:
            self._live(now + 64 * limits.t1, Input.TIMER_B)
        elif act is Act.START_F:
            self._live(self._started + 64 * limits.t1, Input.TIMER_F)
        elif act is Act.START_C:
            self._live(now + limits.timer_c, Input.TIMER_C)
        elif act is Act.START_D:
            self._live(now + (_TIMER_D if self._unreliable else 0.0), Input.TIMER_D)
        elif act is Act.START_K:
            self._live(now + (limits.t4 if self._unreliable else 0.0), Input.TIMER_K)
        elif act is Act.START_M:
            self._live(now + 64 * limits.t1, Input.TIMER_M)
        elif act is Act.START_CANCEL:
            self._live(now + 64 * limits.t1, Input.TIMER_CANCEL)

    @property
    def _unreliable(self) -> bool:
        return self.hop.transport == "UDP"

    def _live(self, when: float, end: Input) -> None:
        self._wire.timers.cancel(self._life)
        self._life = self._wire.timers.start(when, partial(self._step, what=end))

    def _again(self, now: float, interval: float, timer: Input) -> None:
        if self._unreliable:
            self._interval = interval
            self._repeat = self._wire.timers.start(now + interval, partial(self._step, what=timer))

    def _stop_timers(self) -> None:
        self._wire.timers.cancel(self._repeat)
        self._wire.timers.cancel(self._life)
        self._repeat = self._life = None


def _nobody(_now: float, _response: Response | None) -> None:
    """Listen for a transaction that is over."""


def failure_ack(invite: Request, response: Response) -> Request:
    """Return the ACK for a 300 to 699 response, which belongs to the INVITE's transaction (RFC 3261 17.1.1.3)."""
    return make_request(
        "ACK",
        invite.uri_text,
        via=invite.headers.get("via") or "",
        from_=invite.headers.get("from") or "",
        to=response.headers.get("to") or "",
        call_id=invite.call_id,
        cseq=invite.cseq.number,
        routes=invite.headers.get_all("route"),
    )


def cancel_request(invite: Request, headers: Iterable[tuple[str, str]]) -> Request:
    """Return the CANCEL of an INVITE: all that names the transaction is the INVITE's own (RFC 3261 9.1)."""
    return make_request(
        "CANCEL",
        invite.uri_text,
        via=invite.headers.get("via") or "",
        from_=invite.headers.get("from") or "",
        to=invite.headers.get("to") or "",
        call_id=invite.call_id,
        cseq=invite.cseq.number,
        routes=invite.headers.get_all("route"),
        headers=headers,
    )
