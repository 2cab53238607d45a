"""Digits that we send: RFC 4733 events, or tones where the peer takes no events.

An event replaces the leg's sound: one packet a tick with the timestamp of its start and a growing duration, the
first one marked, the last one sent three times with the end bit (section 2.5.1.4). The leg's playout waits until
the order is through. Orders of a leg are sent one after the other with the interval between them.
"""

from __future__ import annotations

from collections import deque

import msgspec
import numpy as np
from numpy.typing import NDArray

from media.dtmf import telephone_event
from media.dtmf.tones import tone
from media.messages import DigitsSent, SendDigits
from media.send import Sender

TICK_MS = 20
END_PACKETS = 3
RELAY_TICKS = 8  # without a packet of a relayed digit until it is taken as ended
SHORTEST = 40  # ms: receivers need not take a shorter digit or pause as one (ITU-T Q.24)


class Relayed:
    """A digit of another leg that is sent on; its length is not known until it ends."""

    __slots__ = ("_age", "_known", "digit", "ms")

    def __init__(self, digit: str) -> None:
        self.digit = digit
        self.ms: int | None = None  # once it has ended
        self._known = 0
        self._age = 0  # ticks since something of it was heard

    def go_on(self, ms: int) -> None:
        """It lasts, `ms` so far."""
        self._known = max(self._known, ms)
        self._age = 0

    def end(self) -> None:
        """It has ended."""
        if self.ms is None:
            self.ms = max(self._known, SHORTEST)

    def tick(self) -> None:
        """Let 20 ms pass; nothing heard of it for a while is its end."""
        self._age += 1
        if self._age > RELAY_TICKS:
            self.end()


class _Event:
    """One digit under way as an event; lengths in ticks of the event's clock."""

    __slots__ = ("code", "ends", "length", "past", "relayed", "sent", "step", "timestamp")

    def __init__(
        self, digit: str, ms: int, clock: int, timestamp: int, relayed: Relayed | None = None
    ) -> None:
        self.code = telephone_event.event_code(digit)
        self.length = ms * clock // 1000
        self.relayed = relayed  # until its length is known
        self.step = TICK_MS * clock // 1000
        self.timestamp = timestamp
        self.sent = 0
        self.past = 0  # of earlier segments
        self.ends = 0  # end packets sent

    def next_payload(self) -> bytes:
        """Go on by one packet and return its payload."""
        if self.relayed is not None:
            self._measure(self.relayed)
        self.sent = min(self.sent + self.step, self.length)
        if self.sent > telephone_event.MAX_DURATION:
            # A new segment starts where the one before ended (RFC 4733 section 2.5.1.3).
            self.timestamp += telephone_event.MAX_DURATION
            self.past += telephone_event.MAX_DURATION
            self.length -= telephone_event.MAX_DURATION
            self.sent -= telephone_event.MAX_DURATION
        end = self.sent == self.length and self.relayed is None
        self.ends += end
        return telephone_event.pack(self.code, end=end, duration=self.sent)

    def _measure(self, relayed: Relayed) -> None:
        """Take the length of a relayed digit if it has ended, else go on by a step."""
        if relayed.ms is None:
            self.length = self.sent + self.step
        else:
            length = relayed.ms * self.step // TICK_MS - self.past
            self.length = max(length, self.sent, 1)
            self.relayed = None


class DigitSender:
    """The digits of one leg."""

    def __init__(self, row: int) -> None:
        self._row = row
        self._orders: deque[tuple[SendDigits, deque[str]]] = deque()
        self._relayed: deque[Relayed] = deque()
        self._event: _Event | None = None
        self._tone: NDArray[np.int16] | None = None
        self._rate = 0
        self._pause = 0  # ms of silence left

    def add(self, order: SendDigits) -> None:
        """Queue an order; raise ValueError if it contains anything but digits."""
        for digit in order.digits:
            telephone_event.event_code(digit)
        self._orders.append((order, deque(order.digits)))

    def relay(self, digit: str) -> Relayed:
        """Send a digit of another leg, before what is ordered; the caller tells when it goes on and ends."""
        relayed = Relayed(digit)
        self._relayed.append(relayed)
        return relayed

    @property
    def idle(self) -> bool:
        """Nothing is left to send, not even a pause."""
        waiting = self._orders or self._relayed
        return not waiting and self._event is None and self._tone is None and self._pause <= 0

    def tick(
        self, sender: Sender, payload_type: int, clock: int, rate: int
    ) -> tuple[bool, NDArray[np.int16] | None]:
        """Go on by 20 ms: (the sound is replaced by an event packet, or else a frame of tone or None for silence).

        `payload_type` is -1 for tones and -2 where nothing may be sent; `clock` is that of the events, `rate` that
        of the leg's sound, both in Hz.
        """
        for relayed in self._relayed:
            relayed.tick()
        if self._event is not None and self._event.relayed is not None:
            self._event.relayed.tick()
        if self._event is None and self._tone is None:
            if self._pause > 0:
                self._pause -= TICK_MS
                return False, None
            if not self._start(sender, payload_type, clock, rate):
                return False, None
        if self._event is not None:
            self._continue_event(self._event, sender, payload_type)
            return True, None
        return False, self._continue_tone(rate)

    def left(self) -> list[SendDigits]:
        """Return the orders that are not through, with the digits that have not begun."""
        return [msgspec.structs.replace(order, digits="".join(digits)) for order, digits in self._orders]

    def finished(self) -> list[DigitsSent]:
        """Return what has been sent completely since the last call."""
        done: list[DigitsSent] = []
        while self._orders and not self._orders[0][1] and self._event is None and self._tone is None:
            order = self._orders.popleft()[0]
            done.append(DigitsSent(order.leg, order.order))
        return done

    def _start(self, sender: Sender, payload_type: int, clock: int, rate: int) -> bool:
        """Begin the next digit."""
        if self._relayed:
            return self._start_relayed(sender, payload_type, clock, rate)
        if not self._orders or not self._orders[0][1]:
            return False
        order, digits = self._orders[0]
        digit, length = digits.popleft(), max(order.duration, SHORTEST)
        if payload_type == -1:
            self._tone, self._rate = tone(digit, length, rate), rate
        else:
            self._event = _Event(digit, length, clock, int(sender.timestamp[self._row]))
        return True

    def _start_relayed(self, sender: Sender, payload_type: int, clock: int, rate: int) -> bool:
        """Begin a digit of another leg: as an event at once, as a tone when its length is known."""
        relayed = self._relayed[0]
        if payload_type != -1:
            timestamp = int(sender.timestamp[self._row])
            self._event = _Event(relayed.digit, SHORTEST, clock, timestamp, relayed)
        elif relayed.ms is None:
            return False
        else:
            self._tone, self._rate = tone(relayed.digit, relayed.ms, rate), rate
        self._relayed.popleft()
        return True

    def _continue_event(self, event: _Event, sender: Sender, payload_type: int) -> None:
        """Send one packet of the event."""
        first = event.sent == 0
        payload = event.next_payload()
        if payload_type >= 0:
            sender.send_one(self._row, payload_type, payload, event.timestamp, marker=first)
        if event.ends == END_PACKETS:
            self._event = None
            self._pause = self._gap() - (END_PACKETS - 1) * TICK_MS

    def _continue_tone(self, rate: int) -> NDArray[np.int16]:
        """Cut 20 ms off the tone."""
        assert self._tone is not None
        size = rate // 50
        if (
            rate != self._rate
        ):  # the codec changed in the middle of a digit: what is left of it is not worth it
            self._tone = None
            return np.zeros(size, np.int16)
        frame, self._tone = self._tone[:size], self._tone[size:]
        if not len(self._tone):
            self._tone = None
            self._pause = self._gap()
        return np.concatenate([frame, np.zeros(size - len(frame), np.int16)])

    def _gap(self) -> int:
        """Return the pause after a digit of the current order, in ms."""
        return max(self._orders[0][0].interval, SHORTEST) if self._orders else SHORTEST
