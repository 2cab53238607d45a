"""What the peer of one leg may send: payload types and what they stand for (RFC 3264 sections 5.1, 6.1 and 7).

Who offered several codecs must hear each of them, at any moment, without further signalling. One of them is the
codec that the peer sends now (`current`); `media.receive` moves it when another payload type comes.
"""

from __future__ import annotations

from typing import NamedTuple

from media.codecs.linear import RATES, Stretches
from media.messages import Stream
from media.wideband import Wideband


class Format(NamedTuple):
    """One payload type of sound."""

    codec: str  # as in `media.messages.Stream`
    clock: int  # Hz, of its RTP timestamps: 8000 but for L16/16000 (RFC 3551 section 4.5.2 for G.722)
    stretches: Stretches | None  # what L16 is kept in
    send: int  # the peer's payload type for the same codec, -1: it takes none


class Formats:
    """The payload types of one leg."""

    __slots__ = ("audio", "current", "events")

    def __init__(self, stream: Stream | None = None, wideband: Wideband | None = None) -> None:
        self.audio: dict[int, Format] = {}
        self.events: dict[int, int] = {}  # clock in Hz by payload type of telephone-event (RFC 4733)
        self.current = -1
        if stream is None or wideband is None:
            return
        self.current = stream.receive_payload_type
        listed = [(stream.codec, stream.receive_payload_type, stream.send_payload_type)]
        listed += [
            (other.codec, other.receive_payload_type, other.send_payload_type) for other in stream.others
        ]
        for codec, receive, send in listed:
            if receive >= 0:
                format_ = Format(codec, RATES.get(codec, 8000), wideband.stretches_of(codec), send)
                self.audio.setdefault(receive, format_)
        if stream.receive_digit_payload_type >= 0:
            self.events[stream.receive_digit_payload_type] = stream.digit_clock
        for receive, clock in stream.other_digits:
            self.events.setdefault(receive, clock)

    @property
    def several(self) -> bool:
        """The peer has a choice."""
        return len(self.audio) + len(self.events) > 2 or len(self.audio) > 1

    @property
    def codecs(self) -> dict[int, str]:
        """Codecs by payload type."""
        return {kind: format_.codec for kind, format_ in self.audio.items()}

    @property
    def codec(self) -> str:
        """The codec that the peer sends now."""
        return self.audio[self.current].codec if self.current in self.audio else ""

    @property
    def types(self) -> set[int]:
        """All payload types."""
        return self.audio.keys() | self.events.keys()
