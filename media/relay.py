"""Telephone events that go on across a room of two, in the other leg's own payload type, clock and timestamps.

An event is not copied packet by packet but sent anew (RFC 4733 section 2.5.1): it begins when the first packet of it
comes, whichever that is, grows by one packet a tick, and ends, three times, when its end has come or nothing of it
has come for a while. A leg that takes no events gets the tone when the length of the digit is known. Rooms of one or
of more than two forward nothing, nor do legs that are muted, echoed or played to.
"""

from __future__ import annotations

from media.digits_out import DigitSender, Relayed
from media.dtmf.telephone_event import TelephoneEvent
from media.legs import Legs
from media.mixer import Mixer
from media.speaking import Speaking

MISSED = (
    100  # ms of an event that may be over before somebody is there to hear it: a hold that ends just then
)
SIGNALLED = 160  # ms of a digit that came by signalling


class Relay:
    """Digits under way between the legs of one engine."""

    def __init__(self, legs: Legs, mixer: Mixer, speaking: Speaking) -> None:
        self._legs = legs
        self._mixer = mixer
        self._speaking = speaking
        self._open: dict[int, Relayed] = {}  # by the row that sends it to us
        self._unheard: set[int] = set()  # rows whose event nobody could be sent when it began

    def event(self, row: int, event: TelephoneEvent, ms: int, *, new: bool) -> None:
        """Take a packet of the leg's present event, `ms` long so far."""
        if new:
            self.close(row)
            self._unheard.add(row)
        if row in self._unheard and (new or ms <= MISSED):
            begun = self._begin(row, event.digit)
            if begun is not None:
                self._unheard.discard(row)
                self._open[row] = begun
        relayed = self._open.get(row)
        if relayed is not None:
            relayed.go_on(ms)
            if event.end:
                relayed.end()
                del self._open[row]

    def signalled(self, row: int, digit: str) -> None:
        """Send on a digit that came by signalling."""
        relayed = self._begin(row, digit)
        if relayed is not None:
            relayed.go_on(SIGNALLED)
            relayed.end()

    def close(self, row: int) -> None:
        """The row's leg is gone, or sends another event."""
        self._unheard.discard(row)
        relayed = self._open.pop(row, None)
        if relayed is not None:
            relayed.end()

    def _begin(self, row: int, digit: str) -> Relayed | None:
        """Begin to send a digit to who hears the row."""
        listener = self._mixer.listener(row)
        if listener is None:
            return None
        leg = self._legs.by_row[listener]
        if leg.digits is None:
            leg.digits = DigitSender(listener)
        self._speaking.digits[listener] = leg
        return leg.digits.relay(digit)
