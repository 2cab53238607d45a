"""What must hold for any stream, whatever the rules of the jitter buffer are: heard once, in order, all, and soon."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from media.messages import CloseLeg, LegClosed
from tests.media.line import QUANTUM, Arrival, Faults, Peer, rtp
from tests.media.studio import LINES, START, TICK, Studio, audio


@dataclass
class Hearing:
    """What was heard of one peer, quantum by quantum."""

    numbers: list[int] = field(default_factory=list)  # of the quanta heard unchanged, in order
    delays: list[float] = field(default_factory=list)  # seconds from mouth to ear for each of them
    held: list[float] = field(default_factory=list)  # seconds from arrival to ear
    delivered: int = 0
    missed: int = 0  # delivered, not heard

    def delay(self, share: float) -> float:
        """Return the delay in ms that this share of the quanta did not exceed."""
        return 1000 * float(np.quantile(self.delays, share))


def arrival_times(peer: Peer, arrivals: list[Arrival]) -> dict[int, float]:
    """Return when each quantum came first."""
    came: dict[int, float] = {}
    for arrival in arrivals:
        for packet in audio([arrival.packet], 0):
            for place in range(0, len(packet.payload) if packet.sound else 0, QUANTUM):
                came.setdefault(peer.quanta[packet.payload[place : place + QUANTUM]][0], arrival.at)
    return came


def hear(lines: list[Faults], seconds: float, seed: int = 1) -> list[Hearing]:
    """Listen to a peer on each of these lines, all in one engine."""
    studio = Studio(["PCMU"] * len(lines))
    peers = [Peer(seed + leg, faults) for leg, faults in enumerate(lines)]
    streams = [peer.stream(seconds) for peer in peers]
    came = [arrival_times(*pair) for pair in zip(peers, streams, strict=True)]
    heard = [Hearing() for _ in lines]
    for leg, arrivals in enumerate(streams):
        studio.will_arrive(leg, arrivals)
    for _ in range(int(seconds / TICK) + 50):
        _, sounds = studio.tick()
        for leg, sound in enumerate(sounds):
            for half in (sound[:QUANTUM], sound[QUANTUM:]):
                if half in peers[leg].quanta:
                    number, spoken = peers[leg].quanta[half]
                    heard[leg].numbers.append(number)
                    heard[leg].delays.append(studio.now - START - spoken)
                    heard[leg].held.append(studio.now - START - came[leg][number])
    for leg, ear in enumerate(heard):
        ear.delivered = len(came[leg])
        ear.missed = len(came[leg].keys() - set(ear.numbers))
    return heard


ORDERLY = [name for name, faults in LINES.items() if not (faults.jump or faults.step or faults.restart)]


@pytest.fixture(scope="module")
def orderly() -> dict[str, Hearing]:
    """Half a minute of every line whose timestamps never jump."""
    return dict(zip(ORDERLY, hear([LINES[name] for name in ORDERLY], 30), strict=True))


@pytest.mark.parametrize("name", ORDERLY)
def test_nothing_is_heard_twice_or_out_of_order(orderly: dict[str, Hearing], name: str) -> None:
    heard = orderly[name]
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
def test_what_arrives_in_time_is_heard_and_soon(orderly: dict[str, Hearing], name: str) -> None:
    faults, heard = LINES[name], orderly[name]
    assert heard.missed < 0.004 * heard.delivered
    assert heard.delay(0.5) < faults.ptime + 1000 * faults.jitter + 60
    assert heard.delay(1) < faults.ptime + 1000 * faults.jitter + 100


def test_clock_skew_costs_a_correction_every_20_seconds_and_no_delay() -> None:
    for heard in hear([Faults(skew=skew, jitter=0.01) for skew in (-500e-6, 500e-6)], 60):
        assert heard.missed <= 2 * 4
        assert len(heard.numbers) >= heard.delivered - 2 * 4
        assert heard.delay(1) < 110


def test_delay_is_bounded_whatever_happens() -> None:
    # Without duplicates: a copy that comes later would count from its original.
    everything = replace(LINES["everything"], duplicate=0, late_duplicate=0)
    for heard in hear([everything] * 8, 20):
        assert max(heard.held) < 0.3
        assert heard.missed < 0.15 * heard.delivered


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


def test_a_new_timeline_costs_little() -> None:
    for heard in hear([Faults(restart=0.01), Faults(jump=0.01)], 30):
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
