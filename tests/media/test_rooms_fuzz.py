"""Legs that enter, leave, change rooms, mute and hang up at random, against a mixer that adds leg by leg.

What each leg says is known from the reference ear (`reference_model`), faults of the line included; what it must
hear is the sum of the others of its room, with the ramps that `media/mixer.py` describes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.engine import Engine
from media.messages import CloseLeg, Event, Gain, Join, Leave, Mute, OpenLeg, SetStream, Stream
from tests.media.line import PEER, Arrival, Faults, Line, Peer
from tests.media.reference_model import ReferenceEar
from tests.media.studio import audio

TICK = 0.02
LAWS = {0: ("PCMU", ULAW_DECODE, ULAW_ENCODE), 8: ("PCMA", ALAW_DECODE, ALAW_ENCODE)}
ROUGH = Faults(loss=0.02, jitter=0.03, duplicate=0.02, silence=0.01, restart=0.002, jump=0.002)
UP = (np.arange(160) + 0.75) / 160
Sound = NDArray[np.float64]


def limited(sound: Sound) -> Sound:
    """Return whole numbers that fit 16 bits."""
    return np.clip(np.trunc(sound), -32768, 32767)


@dataclass
class Member:
    """One leg and all that decides what it says and hears."""

    leg: int
    row: int
    payload_type: int
    arrivals: list[Arrival]
    opened: float
    ear: ReferenceEar
    room: int = 0
    leaving: bool = False
    say: float = 0.0
    hear: float = 0.0
    gain: float = 1.0
    muted: str = ""

    def speak(self, frame: NDArray[np.int16]) -> Sound:
        """Return what the others hear of a frame."""
        after = 0.0 if self.leaving or self.muted in ("in", "both") else self.gain
        sound = frame * (self.say + (after - self.say) * UP)
        self.say = after
        return limited(sound)

    def listen(self, sound: Sound) -> Sound:
        """Return what is heard of the sum of the others."""
        after = 0.0 if self.leaving or self.muted in ("out", "both") else 1.0
        heard = sound * (self.hear + (after - self.hear) * UP)
        self.hear = after
        return np.asarray(heard)


class Rows(Line):
    """A line that tells the row of a new leg."""

    def open(self, row: int, leg: int) -> None:
        super().open(row, leg)
        self.newest = row


class House:
    """An engine, its members and the mixer that judges it."""

    def __init__(self, seed: int, rooms: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.line = Rows()
        self.events: list[Event] = []
        self.engine = Engine(self.line, np.zeros(4000, np.int16), self.events.append, seed=seed)
        self.now = 500.0
        self.ticks = 0
        self.members: dict[int, Member] = {}
        self.tails: list[tuple[int, Sound]] = []
        self.rooms = rooms
        self._last = 0

    def order(self, *orders: OpenLeg | SetStream | Join | Leave | Mute | Gain | CloseLeg) -> None:
        for order in orders:
            self.engine.order(order, self.now)

    def open(self, *, inband: bool = True) -> Member:
        self._last += 1
        leg, kind = self._last, int(self.rng.choice([0, 8]))
        law = LAWS[kind][0]
        self.order(
            OpenLeg(leg, leg, inband, 0.0), SetStream(leg, Stream(law, kind, kind, *PEER, PEER[1] + 1))
        )
        arrivals = Peer(int(self.rng.integers(2**31)), ROUGH, kind).stream(5)[::-1]
        ear = ReferenceEar(LAWS[kind][1], self.ticks)
        member = self.members[leg] = Member(leg, self.line.newest, kind, arrivals, self.now, ear)
        return member

    def join(self, member: Member, room: int) -> None:
        self.order(Join(member.leg, room))
        if member.room != room:
            self._end(member)
            member.room, member.say, member.hear = room, 0.0, 0.0
        member.leaving = False

    def leave(self, member: Member) -> None:
        self.order(Leave(member.leg))
        member.leaving = bool(member.room)

    def close(self, member: Member) -> None:
        self.order(CloseLeg(member.leg))
        self._end(member)
        del self.members[member.leg]
        self.line.waiting[member.row].clear()

    def _end(self, member: Member) -> None:
        """Leave the end of a voice behind."""
        if member.room and member.say:
            last = np.concatenate(member.ear._last)[::-1]
            self.tails.append((member.room, last * (member.say * (1 - (np.arange(160) + 0.25) / 160))))

    def act(self) -> None:
        """Do something to somebody."""
        if self.rng.random() < 0.15 and len(self.members) < 30:
            self.open()
        for member in list(self.members.values()):
            match int(self.rng.integers(200)):
                case 0 | 1 | 2 | 3:
                    self.join(member, int(self.rng.integers(1, self.rooms + 1)))
                case 4:
                    self.leave(member)
                case 5:
                    self.close(member)
                case 6:
                    member.muted = str(self.rng.choice(["in", "out", "both", "", ""]))
                    self.order(Mute(member.leg, member.muted))
                case 7:
                    member.gain = float(self.rng.choice([0.5, 1, 2]))
                    self.order(Gain(member.leg, member.gain))

    def tick(self) -> None:
        """Let 20 ms pass and compare."""
        self.now += TICK
        self.ticks += 1
        for member in self.members.values():
            while member.arrivals and member.opened + member.arrivals[-1].at <= self.now:
                self.line.waiting[member.row].append(member.arrivals.pop().packet)
        self.engine.tick(self.now)
        said: dict[int, Sound] = {}
        for member in self.members.values():
            taken, self.line.taken[member.row] = self.line.taken[member.row], []
            said[member.leg] = member.speak(member.ear.hear(audio(taken, member.payload_type)))
        for member in self.members.values():
            self._compare(member, said)
        for member in self.members.values():
            if member.leaving:
                member.room, member.leaving = 0, False
        self.tails.clear()

    def _compare(self, member: Member, said: dict[int, Sound]) -> None:
        others = [
            said[other.leg]
            for other in self.members.values()
            if other is not member and other.room == member.room
        ]
        total = limited(np.sum([*others, np.zeros(160)], axis=0))
        for room, tail in self.tails:
            if room == member.room:
                total = limited(total + tail)
        sound = member.listen(total) if member.room else np.zeros(160)
        sent, self.line.sent[member.row] = self.line.sent[member.row], []
        table, encode = LAWS[member.payload_type][1:]
        rank = np.argsort(np.argsort(table, kind="stable"))
        heard = rank[np.frombuffer(b"".join(packet[12:] for packet in sent), np.uint8)]
        expected = rank[encode[np.trunc(sound).astype(np.int16).view(np.uint16)]]
        # A rounded ramp may end on the other side of a decision value.
        assert np.abs(heard - expected).max() <= 1, (member.leg, member.room, self.ticks)


@pytest.mark.parametrize(("seed", "rooms"), [(1, 4), (2, 1), (3, 12)])
def test_rooms_sound_like_the_sum_of_the_others(seed: int, rooms: int) -> None:
    house = House(seed, rooms)
    for _ in range(20):
        house.join(house.open(), int(house.rng.integers(1, rooms + 1)))
    for _ in range(220):
        house.act()
        house.tick()
    assert house._last > 30


@pytest.mark.parametrize("seed", range(3))
def test_what_passes_through_sounds_as_if_it_had_been_decoded(seed: int) -> None:
    house = House(seed, 0)
    for pair in range(8):
        for _ in range(2):
            house.join(house.open(inband=False), 1 + pair)
    for _ in range(240):
        house.tick()
