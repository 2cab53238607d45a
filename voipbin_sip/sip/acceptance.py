"""A 2xx for an INVITE, repeated until its ACK comes, whatever the transport (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from voipbin_sip.sip.server_transaction import ServerTransaction
from voipbin_sip.sip.timers import Timer
from voipbin_sip.sip.wire import Wire


class Acceptance:
    """One 2xx under way; `offered` tells that it carries an offer, so that the ACK must bring the answer."""

    __slots__ = ("_data", "_give_up", "_interval", "_repeat", "_wire", "offered", "transaction")

    def __init__(self, wire: Wire, transaction: ServerTransaction, data: bytes, *, offered: bool) -> None:
        self._wire = wire
        self._data = data
        self.transaction = transaction
        self.offered = offered
        self._interval = wire.limits.t1
        self._repeat: Timer | None = None
        self._give_up: Timer | None = None

    def start(self, now: float, on_timeout: Callable[[float], None]) -> None:
        """Start repeating what has been sent once; `on_timeout` is called after 64*T1 without an ACK."""
        timers = self._wire.timers

        def give_up(at: float) -> None:
            timers.cancel(self._repeat)
            on_timeout(at)

        self._repeat = timers.start(now + self._interval, self._again)
        self._give_up = timers.start(now + 64 * self._wire.limits.t1, give_up)

    def stop(self) -> None:
        """The ACK came, or the call is over."""
        self._wire.timers.cancel(self._repeat)
        self._wire.timers.cancel(self._give_up)

    def _again(self, now: float) -> None:
        self.transaction.repeat_success(self._data)
        self._interval = min(2 * self._interval, self._wire.limits.t2)
        self._repeat = self._wire.timers.start(now + self._interval, self._again)
