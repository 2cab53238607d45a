"""Which legs there are: a record per leg for what is rare, arrays by row for what every tick asks."""

from __future__ import annotations

import numpy as np

from media.digits_out import DigitSender
from media.formats import Formats
from media.latch import Address, Latch
from media.messages import OpenLeg, Stream
from media.rows import RowAllocator, grown
from media.wideband import Wideband

ULAW, ALAW, G722, L16 = 0, 1, 2, 3  # from G722 on legs have sound of 16 kHz
MIXED = 4  # of `Legs.spoken`: the leg's own decoders know what is what
LAWS = {"PCMU": ULAW, "PCMA": ALAW, "G722": G722, "L16/8000": L16, "L16/16000": L16}
OFF, SOUND, STREAM = 0, 1, 2
ECHOES = {"off": OFF, "sound": SOUND, "stream": STREAM}


_ARRAYS = (
    "streaming", "sending", "listening", "law", "spoken", "echo", "timeout", "timed_out", "want_said", "want_heard",
    "is_ear",
)  # fmt: skip


class Leg:
    """One leg."""

    __slots__ = (
        "digits",
        "echo_offset",
        "formats",
        "id",
        "latch",
        "reported",
        "row",
        "rtcp_source",
        "signalled",
        "slot",
        "source",
        "stream",
        "wideband",
    )

    def __init__(self, order: OpenLeg, row: int) -> None:
        self.id = order.leg
        self.row = row
        self.slot = order.slot
        self.stream: Stream | None = None
        self.signalled: Address | None = None  # by the last SDP that named an address
        self.source: Address | None = None  # locked, now or before the last signalling
        self.latch: Latch | None = None  # while the socket is open to everyone
        self.reported: Address | None = None  # source that FirstPacket told
        self.rtcp_source: Address | None = None
        self.wideband = Wideband()
        self.formats = Formats()
        self.digits: DigitSender | None = None  # while digits are being sent
        self.echo_offset: int | None = None  # our timestamp minus the peer's, in a stream echo


class Legs:
    """All legs of an engine."""

    def __init__(self) -> None:
        self.rows = RowAllocator()
        self.by_id: dict[int, Leg] = {}
        self.by_row: dict[int, Leg] = {}
        self.streaming = np.zeros(0, np.bool_)  # signalling has agreed on a stream
        self.sending = np.zeros(0, np.bool_)
        self.listening = np.zeros(0, np.bool_)
        self.law = np.zeros(0, np.uint8)  # of what we send, and the rate of the leg's sound in here
        self.spoken = np.zeros(0, np.uint8)  # of what the peer sends, which may be another one, or MIXED
        self.echo = np.zeros(0, np.uint8)
        self.timeout = np.zeros(0, np.float64)  # seconds, 0 = never
        self.timed_out = np.zeros(0, np.bool_)
        self.want_said = np.zeros(0, np.uint16)  # how many record or stream what the leg says
        self.want_heard = np.zeros(0, np.uint16)  # and what it hears
        self.is_ear = np.zeros(0, np.bool_)  # it has no phone: it listens to its room for somebody of those

    def grow(self) -> int:
        """Make room for more rows; return how many there are now."""
        capacity = self.rows.grow()
        for name in _ARRAYS:
            setattr(self, name, grown(getattr(self, name), capacity))
        return capacity

    def add(self, order: OpenLeg, row: int) -> Leg:
        """Make the record of a new leg in a row that was taken for it."""
        leg = Leg(order, row)
        self.by_id[leg.id] = self.by_row[row] = leg
        self.timeout[row] = order.rtp_timeout
        self.timed_out[row] = False
        self.law[row] = self.spoken[row] = ULAW
        return leg

    def settle(self, row: int) -> None:
        """Note that all that is buffered of a row is of the codec that its peer sends now."""
        spoken = LAWS.get(self.by_row[row].formats.codec, ULAW)
        self.spoken[row] = MIXED if spoken < G722 <= self.law[row] else spoken

    def remove(self, leg: Leg) -> None:
        """Forget a leg."""
        row = leg.row
        self.streaming[row] = self.sending[row] = self.listening[row] = False
        self.echo[row] = OFF
        self.timeout[row] = 0
        self.want_said[row] = self.want_heard[row] = 0
        self.is_ear[row] = False
        del self.by_id[leg.id], self.by_row[row]
        self.rows.release(row)
