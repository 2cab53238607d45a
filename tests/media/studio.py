"""An engine on a fake line whose legs echo: what goes in, what comes out, tick by tick. And the lines to try it on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.engine import Engine
from media.messages import Echo, Event, OpenLeg, OtherCodec, SetStream, Stream
from media.rtp import COMFORT_NOISE, payload_span
from tests.media.line import PEER, Arrival, Faults, Line
from tests.media.reference_model import Packet

TICK = 0.02
START = 1000.0  # of the fake clock
CODECS = {"PCMU": (0, ULAW_DECODE, ULAW_ENCODE), "PCMA": (8, ALAW_DECODE, ALAW_ENCODE)}


class Studio:
    """An engine whose legs echo, on a fake line and a fake clock."""

    def __init__(self, codecs: Sequence[str], *, inband: bool = False, both: bool = False) -> None:
        self.line = Line()
        self.events: list[Event] = []
        self.engine = Engine(self.line, np.zeros(4000, np.int16), self.events.append, seed=1)
        self.now = START
        for leg, codec in enumerate(codecs, 1):
            kind = CODECS[codec][0]
            self.engine.order(OpenLeg(leg, slot=leg, inband_digits=inband, rtp_timeout=0), self.now)
            stream = Stream(
                codec,
                kind,
                kind,
                PEER[0],
                PEER[1],
                PEER[1] + 1,
                send_digit_payload_type=101,
                receive_digit_payload_type=101,
                others=tuple(
                    OtherCodec(name, number, number)
                    for name, (number, _, _) in CODECS.items()
                    if both and name != codec
                ),
            )
            self.engine.order(SetStream(leg, stream), self.now)
            self.engine.order(Echo(leg, "sound"), self.now)
        self._arrivals: list[list[Arrival]] = [[] for _ in codecs]
        self._next = [0] * len(codecs)

    def will_arrive(self, leg: int, arrivals: list[Arrival]) -> None:
        """Give leg `leg` (from 0) its packets, in order of arrival, times from the start."""
        self._arrivals[leg] = arrivals

    def tick(self) -> tuple[list[list[bytes]], list[bytes]]:
        """Let 20 ms pass; return the packets that the engine took and the sound that it sent, by leg."""
        self.now += TICK
        for leg, arrivals in enumerate(self._arrivals):
            while self._next[leg] < len(arrivals) and START + arrivals[self._next[leg]].at <= self.now:
                self.line.waiting[leg].append(arrivals[self._next[leg]].packet)
                self._next[leg] += 1
        self.engine.tick(self.now)
        taken = [self.line.taken[leg] for leg in range(len(self._arrivals))]
        sent = [b"".join(packet[12:] for packet in self.line.sent[leg]) for leg in range(len(self._arrivals))]
        for leg in range(len(self._arrivals)):
            self.line.taken[leg], self.line.sent[leg] = [], []
        return taken, sent


def audio(packets: Sequence[bytes], *payload_types: int) -> list[Packet]:
    """Return what of the packets belongs to the stream, by the header rules of RFC 3550 section A.1."""
    found = []
    for packet in packets:
        span = payload_span(packet)
        kind = packet[1] & 0x7F if span is not None else None
        if span is not None and kind in (*payload_types, COMFORT_NOISE) and not 192 <= packet[1] <= 223:
            sequence, timestamp = int.from_bytes(packet[2:4]), int.from_bytes(packet[4:8])
            ssrc, payload = int.from_bytes(packet[8:12]), packet[slice(*span)]
            found.append(Packet(sequence, timestamp, ssrc, payload, kind in payload_types, kind or 0))
    return found


LINES = {
    "clean": Faults(),
    "ptime 10": Faults(ptime=10, loss=0.02),
    "ptime 30": Faults(ptime=30, loss=0.02, jitter=0.02),
    "ptime 40": Faults(ptime=40, jitter=0.05),
    "ptime 60": Faults(ptime=60, loss=0.05, duplicate=0.1),
    "ptime changes": Faults(ptime_change=0.02, jitter=0.03, loss=0.01),
    "loss": Faults(loss=0.1, burst=0.01),
    "jitter": Faults(jitter=0.06, loss=0.01),
    "reordering": Faults(jitter=0.15, spike=0.02, duplicate=0.05),
    "late duplicates": Faults(late_duplicate=0.2, jitter=0.03),
    "stalls": Faults(stall=0.01, jitter=0.02),
    "fast peer": Faults(skew=500e-6, jitter=0.01),
    "slow peer": Faults(skew=-500e-6, jitter=0.01),
    "very fast peer": Faults(skew=0.01, jitter=0.01),
    "very slow peer": Faults(skew=-0.01, jitter=0.01),
    "silences": Faults(silence=0.02, jitter=0.03, loss=0.02),
    "timestamp jumps": Faults(jump=0.01, step=0.01, shift=0.01, jitter=0.02),
    "restarts": Faults(restart=0.01, jitter=0.03),
    "dressed packets": Faults(dressed=0.3, stray=0.2, jitter=0.01),
    "everything": Faults(
        loss=0.03,
        burst=0.005,
        duplicate=0.03,
        late_duplicate=0.02,
        jitter=0.08,
        spike=0.01,
        stall=0.003,
        skew=3e-4,
        silence=0.005,
        jump=0.003,
        step=0.005,
        shift=0.005,
        restart=0.003,
        ptime_change=0.01,
        dressed=0.1,
        stray=0.05,
    ),
}
