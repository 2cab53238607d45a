"""The batch engine against the per-packet reference model: the same packets, the same sound, sample by sample.

Legs with different faults run in one engine, so that a mask that reaches into another leg's row shows. What a leg
is heard to say is taken from its echo. The second half checks what must hold whatever the rules of the buffer are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.engine import Engine
from media.messages import CloseLeg, Echo, Event, LegClosed, OpenLeg, SetStream, Stream
from media.rtp import COMFORT_NOISE, payload_span
from tests.media.line import PEER, QUANTUM, Arrival, Faults, Line, Peer, rtp
from tests.media.reference_model import Packet, ReferenceEar

TICK = 0.02
START = 1000.0  # of the fake clock
CODECS = {"PCMU": (0, ULAW_DECODE, ULAW_ENCODE), "PCMA": (8, ALAW_DECODE, ALAW_ENCODE)}


class Studio:
    """An engine whose legs echo, on a fake line and a fake clock."""

    def __init__(self, codecs: Sequence[str], *, inband: bool = False) -> None:
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


def audio(packets: Sequence[bytes], payload_type: int) -> list[Packet]:
    """Return what of the packets belongs to the stream, by the header rules of RFC 3550 section A.1."""
    found = []
    for packet in packets:
        span = payload_span(packet)
        kind = packet[1] & 0x7F if span is not None else None
        if span is not None and kind in (payload_type, COMFORT_NOISE) and not 192 <= packet[1] <= 223:
            timestamp, ssrc = int.from_bytes(packet[4:8]), int.from_bytes(packet[8:12])
            found.append(Packet(timestamp, ssrc, packet[slice(*span)], kind == payload_type))
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


@pytest.mark.parametrize("seed", range(3))
def test_the_engine_hears_what_the_reference_hears(seed: int) -> None:
    codecs = [list(CODECS)[place % 2] for place in range(len(LINES))]
    studio = Studio(codecs)
    for leg, (faults, codec) in enumerate(zip(LINES.values(), codecs, strict=True)):
        peer = Peer(100 * seed + leg, faults, CODECS[codec][0])
        studio.will_arrive(leg, peer.stream(12))
    ears = [ReferenceEar(CODECS[codec][1]) for codec in codecs]
    for tick in range(620):
        taken, sent = studio.tick()
        for leg, name in enumerate(LINES):
            kind, _, encode = CODECS[codecs[leg]]
            expected = ears[leg].hear(audio(taken[leg], kind))
            assert sent[leg] == encode[expected.view(np.uint16)].tobytes(), f"{name}: tick {tick}"
    for leg, name in enumerate(LINES):
        assert int(studio.engine.jitter.late[leg]) == ears[leg].buffer.late, name


class Hearing:
    """What was heard of one peer, quantum by quantum."""

    def __init__(self, faults: Faults, seconds: float, seed: int = 1) -> None:
        studio = Studio(["PCMU"])
        peer = Peer(seed, faults)
        arrivals = peer.stream(seconds)
        studio.will_arrive(0, arrivals)
        self.numbers: list[int] = []  # of the quanta heard unchanged, in order
        self.delays: list[float] = []  # seconds from mouth to ear for each of them
        ears: list[float] = []
        for _ in range(int(seconds / TICK) + 50):
            _, (sound,) = studio.tick()
            for half in (sound[:QUANTUM], sound[QUANTUM:]):
                if half in peer.quanta:
                    number, spoken = peer.quanta[half]
                    self.numbers.append(number)
                    ears.append(studio.now - START)
                    self.delays.append(ears[-1] - spoken)
        came: dict[int, float] = {}
        for arrival in arrivals:
            for packet in audio([arrival.packet], 0):
                if not packet.sound:
                    continue
                for place in range(0, len(packet.payload), QUANTUM):
                    came.setdefault(peer.quanta[packet.payload[place : place + QUANTUM]][0], arrival.at)
        self.delivered = len(came)
        self.missed = len(came.keys() - set(self.numbers))
        self.held = [ear - came[number] for number, ear in zip(self.numbers, ears, strict=True)]

    def delay(self, share: float) -> float:
        """Return the delay in ms that this share of the quanta did not exceed."""
        return 1000 * float(np.quantile(self.delays, share))


ORDERLY = [name for name, faults in LINES.items() if not (faults.jump or faults.step or faults.restart)]


@pytest.mark.parametrize("name", ORDERLY)
def test_nothing_is_heard_twice_or_out_of_order(name: str) -> None:
    heard = Hearing(LINES[name], 20)
    assert heard.delivered > 1000
    assert heard.numbers == sorted(set(heard.numbers))


@pytest.mark.parametrize(
    "name",
    [
        "clean",
        "ptime 10",
        "ptime 30",
        "ptime 40",
        "ptime 60",
        "loss",
        "jitter",
        "late duplicates",
        "silences",
        "dressed packets",
    ],
)
def test_what_arrives_in_time_is_heard_and_soon(name: str) -> None:
    faults = LINES[name]
    heard = Hearing(faults, 30)
    assert heard.missed < 0.004 * heard.delivered
    assert heard.delay(0.5) < faults.ptime + 1000 * faults.jitter + 60
    assert heard.delay(1) < faults.ptime + 1000 * faults.jitter + 100


@pytest.mark.parametrize("skew", [-500e-6, 500e-6])
def test_clock_skew_costs_a_correction_every_20_seconds_and_no_delay(skew: float) -> None:
    heard = Hearing(Faults(skew=skew, jitter=0.01), 60)
    assert heard.missed <= 2 * 4
    assert len(heard.numbers) >= heard.delivered - 2 * 4
    assert heard.delay(1) < 110


def test_delay_is_bounded_whatever_happens() -> None:
    for seed in range(4):
        heard = Hearing(LINES["everything"], 20, seed)
        assert max(heard.held) < 0.3
        assert heard.missed < 0.1 * heard.delivered


def test_delay_after_a_stall_melts_away() -> None:
    rough = Peer(3, Faults(stall=0.05))
    arrivals = rough.stream(3)
    calm = Peer(3, Faults())
    calm.ssrc, calm.sequence, calm.timestamp, calm.quanta = rough.ssrc, rough.sequence, rough.timestamp, {}
    last = max(arrival.at for arrival in arrivals)
    arrivals += [
        Arrival(last + later.at, len(arrivals) + later.number, later.packet) for later in calm.stream(40)
    ]
    studio = Studio(["PCMU"])
    studio.will_arrive(0, arrivals)
    delay = 0.0
    while studio.now < START + last + 39:
        _, (sound,) = studio.tick()
        if sound[:QUANTUM] in calm.quanta:
            delay = studio.now - START - last - calm.quanta[sound[:QUANTUM]][1]
    assert 0.02 < delay < 0.12


@pytest.mark.parametrize("faults", [Faults(restart=0.01), Faults(jump=0.01)], ids=["SSRC", "timestamp"])
def test_a_new_timeline_costs_little(faults: Faults) -> None:
    heard = Hearing(faults, 30)
    assert heard.missed < 0.01 * heard.delivered
    assert heard.delay(0.99) < 130


def test_one_stray_packet_of_the_distant_past_disturbs_nothing() -> None:
    peer = Peer(8, Faults())
    arrivals = peer.stream(8)
    old = arrivals[20]
    arrivals = sorted([*arrivals, *(Arrival(at, 10_000, old.packet) for at in (1.005, 3.005, 5.005, 6.5))])
    studio = Studio(["PCMU"])
    studio.will_arrive(0, arrivals)
    heard = [
        half for _ in range(420) for sound in studio.tick()[1] for half in (sound[:QUANTUM], sound[QUANTUM:])
    ]
    numbers = [peer.quanta[half][0] for half in heard if half in peer.quanta]
    assert numbers == list(range(len(peer.quanta)))


@pytest.mark.parametrize(
    "faults",
    [
        Faults(loss=0.05),
        Faults(burst=0.01, jitter=0.1),
        Faults(ptime=60, loss=0.02),
        Faults(loss=0.02, dressed=0.3),
    ],
    ids=["loss", "bursts", "ptime 60", "dressed"],
)
def test_the_final_counters_are_those_of_the_line(faults: Faults) -> None:
    studio = Studio(["PCMU"])
    peer = Peer(6, faults)
    first = peer.sequence
    arrivals = peer.stream(20)
    studio.will_arrive(0, arrivals)
    while studio.now < START + 22:
        studio.tick()
    studio.engine.order(CloseLeg(1), studio.now)
    closed = studio.events[-1]
    assert isinstance(closed, LegClosed)
    numbers = [(int.from_bytes(arrival.packet[2:4]) - first) % 65536 for arrival in arrivals]
    assert closed.packets_received == len(arrivals)
    # RFC 3550 section A.3: expected counts from the first packet that came.
    assert closed.packets_lost == max(numbers) + 1 - numbers[0] - len(arrivals)
    assert closed.packets_foreign == 0
    # RFC 3550 section 6.4.1: of delays drawn evenly from 0 to j the mean difference is j / 3; packets are read
    # 20 ms at a time, which adds up to a third of that.
    assert 1000 * faults.jitter / 3 - 6 < closed.jitter < 1000 * faults.jitter / 3 + 12


def test_packets_that_are_no_sound_of_the_stream_are_counted_as_foreign() -> None:
    studio = Studio(["PCMU"])
    peer = Peer(6, Faults())
    arrivals = peer.stream(1)
    foreign = [b"", b"\x80", b"GET / HTTP/1.1\r\n\r\n", rtp(34, 5, 5, peer.ssrc, bytes(160)), bytes(1000)]
    arrivals += [Arrival(0.51, 1000 + place, packet) for place, packet in enumerate(foreign)]
    studio.will_arrive(0, sorted(arrivals))
    sounds = [
        half for _ in range(60) for sound in studio.tick()[1] for half in (sound[:QUANTUM], sound[QUANTUM:])
    ]
    assert [peer.quanta[half][0] for half in sounds if half in peer.quanta] == list(range(len(peer.quanta)))
    assert int(studio.engine.receiver.foreign[0]) == len(foreign)
