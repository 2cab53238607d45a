"""A leg goes on in another engine: everything that an engine knows of it, as one message.

Legs of a room are mixed by one engine. A leg that joins a room elsewhere is taken out of its engine between two
ticks and put into the other one, with its SSRC, sequence numbers, buffered sound, playouts and counters; its peer
notices nothing. The state crosses processes as well: the clock of `now` is the machine's, so times stay valid.
Only codec memory and a digit that is just being sent are left behind (G.722 finds its level within 20 ms).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from media.formats import Formats
from media.latch import Address
from media.legs import ECHOES, G722, Leg
from media.messages import Echo, OpenLeg, Play, SendDigits, Stream
from media.recorder import Taken
from media.srtp import SrtpPast
from media.taps import Past
from media.wideband import RATE, Wideband

if TYPE_CHECKING:
    from media.engine import Engine

# Arrays by row of each part of an engine; `data` and `tags` of the jitter buffer have several cells for a row.
ARRAYS: dict[str, tuple[str, ...]] = {
    "legs": ("streaming", "sending", "listening", "law", "spoken", "echo", "timeout", "timed_out"),
    "jitter": (
        "data", "tags", "kinds", "started", "timestamp", "origin", "newest", "play", "dry", "late", "late_run",
        "anchored", "low", "correction", "waited",
    ),
    "receiver": (
        "payload_type", "event_type", "ssrc", "known", "highest", "base", "packets", "foreign", "heard", "transit",
        "timed", "jitter", "former", "straggler",
    ),
    "listener": ("inband",),
    "detector": ("_keys", "_tones", "_digit", "_misses", "_length"),
    "player": ("_past",),
    "sender": (
        "octets", "ssrc", "sequence", "timestamp", "payload_type", "silence", "marked", "silent", "ptime", "packets",
        "payload_octets",
    ),
    "reports": (
        "_due", "_started", "_expected", "_received", "_sent", "_last", "_last_at", "round_trip", "peer_lost",
        "peer_jitter",
    ),
    "concealer": ("last", "run"),
    "mixer.gains": ("gain", "mute_in", "mute_out"),
}  # fmt: skip


class Luggage(msgspec.Struct, frozen=True, array_like=True):
    """What a leg takes along."""

    opened: OpenLeg
    stream: Stream | None
    signalled: Address | None
    source: Address | None
    locked: bool
    reported: Address | None
    rtcp_source: Address | None
    echo: int
    arrays: list[bytes]  # in the order of ARRAYS
    playouts: list[tuple[Play, int, int, float]]  # with clip, position and milliseconds done
    digits: list[SendDigits]  # what is left of them
    events: tuple[bool, int, int, int, int]  # of RFC 4733, the last one heard
    srtp: SrtpPast | None
    recordings: list[Taken]
    taps: list[Past]
    mixed: int = -1  # until which quantum several codecs are buffered
    current: int = -1  # payload type that the peer sends now


def take_out(engine: Engine, leg: Leg) -> Luggage:
    """Take a leg out of its engine; its sockets stay with the engine's network."""
    row = leg.row
    engine.last_said(row)
    luggage = Luggage(
        opened=OpenLeg(leg.id, leg.slot, bool(engine.listener.inband[row]), float(engine.legs.timeout[row])),
        stream=leg.stream,
        signalled=leg.signalled,
        source=leg.source,
        locked=leg.latch is None and leg.source is not None,
        reported=leg.reported,
        rtcp_source=leg.rtcp_source,
        echo=int(engine.legs.echo[row]),
        arrays=[
            _cells(engine, part, name, row).tobytes() for part, names in ARRAYS.items() for name in names
        ],
        playouts=engine.player.take(row),
        digits=leg.digits.left() if leg.digits is not None else [],
        events=engine.listener.memory(row),
        srtp=engine.io.past(row),
        recordings=engine.recorder.take(row),
        taps=engine.taps.luggage(row),
        mixed=engine.jitter.mixed.get(row, -1),
        current=leg.formats.current,
    )
    engine.forget(leg)
    return luggage


def put_in(engine: Engine, luggage: Luggage, now: float) -> None:
    """Let a leg go on in an engine whose network has been offered its sockets."""
    engine.order(luggage.opened, now)
    leg = engine.legs.by_id[luggage.opened.leg]
    row = leg.row
    cells = iter(luggage.arrays)
    for part, names in ARRAYS.items():
        for name in names:
            place = _cells(engine, part, name, row)
            place[...] = np.frombuffer(next(cells), place.dtype).reshape(place.shape)
    leg.stream, leg.signalled, leg.source = luggage.stream, luggage.signalled, luggage.source
    leg.reported, leg.rtcp_source = luggage.reported, luggage.rtcp_source
    if leg.stream is not None:
        engine.player.set_rate(row, RATE if engine.legs.law[row] >= G722 else 8000)
        engine.listener.set_clock(row, leg.stream.digit_clock)
        engine.mixer.rooms.changed()
        engine.io.secure(row, leg.stream.srtp)
        leg.wideband = Wideband(leg.stream.codec)
        leg.formats = Formats(leg.stream, leg.wideband)
        leg.formats.current = luggage.current
        leg.wideband.hear(leg.formats.codec, alone=True)
        if luggage.mixed >= 0:
            engine.jitter.mixed[row] = luggage.mixed
        engine.use(leg)
        if luggage.srtp is not None:
            engine.io.go_on(row, luggage.srtp)
        _reconnect(engine, leg, leg.stream, luggage.locked, now)
    engine.listener.remember(row, luggage.events)
    engine.player.resume(row, luggage.playouts)
    engine.order(Echo(leg.id, list(ECHOES)[luggage.echo]), now)
    for order in luggage.digits:
        engine.order(order, now)
    engine.taps.expect(luggage.taps)
    for taken in luggage.recordings:
        engine.record(leg, taken.order, taken)


def _cells(engine: Engine, part: str, name: str, row: int) -> NDArray[Any]:
    """Return the cells of an array that belong to a row, to read and to write."""
    array: NDArray[Any] = attrgetter(f"{part}.{name}")(engine)
    each = len(array) // engine.legs.rows.capacity
    return array[row * each : (row + 1) * each]


def _reconnect(engine: Engine, leg: Leg, stream: Stream, locked: bool, now: float) -> None:
    """Go on with the same source, or with looking for one."""
    if locked and leg.source is not None:
        engine.io.aim(leg.row, leg.source)
        if engine.resume(leg, leg.source, now):
            return
    engine.aim(leg, stream)
