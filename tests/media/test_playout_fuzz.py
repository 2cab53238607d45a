"""Playouts against a reference that plays one leg sample by sample: any orders, any clips, any packet length.

Everything a leg is sent is compared, and every PlayDone with its reason and position.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_ENCODE, ULAW_ENCODE
from media.engine import Engine
from media.messages import ClipRef, Event, OpenLeg, OtherDigits, Play, PlayDone, SetStream, StopPlay, Stream
from media.resample import halve, halve_state
from tests.media.line import PEER, Line

CODECS = {"PCMU": (0, ULAW_ENCODE), "PCMA": (8, ALAW_ENCODE)}
PTIMES = (20, 20, 20, 10, 30, 40, 60)


@dataclass
class Item:
    """One queued playout."""

    order: Play
    clip: int = 0
    position: int = 0
    before: float = 0.0  # ms of the clips already played

    def current(self) -> ClipRef | None:
        clips = [clip for clip in self.order.clips if clip.samples]
        if not clips or (self.clip >= len(clips) and not self.order.loop):
            return None
        return clips[self.clip % len(clips)]

    def played(self) -> int:
        clip = self.current()
        return int(self.before + (self.position * 1000 / clip.rate if clip and self.position else 0))


@dataclass
class ReferencePlayer:
    """One leg of 8 kHz."""

    bank: NDArray[np.int16]
    queue: list[Item] = field(default_factory=list)
    done: list[PlayDone] = field(default_factory=list)
    past: NDArray[np.int16] = field(default_factory=lambda: halve_state(1))

    def order(self, order: Play) -> None:
        self.queue.insert(0 if order.urgent else len(self.queue), Item(order))
        self._retire()

    def end(self, items: list[Item], reason: str) -> None:
        for item in items:
            self.queue.remove(item)
            self.done.append(PlayDone(item.order.leg, item.order.playout, reason, item.played()))
        self._retire()

    def _retire(self) -> None:
        while self.queue and self.queue[0].current() is None:
            item = self.queue.pop(0)
            self.done.append(PlayDone(item.order.leg, item.order.playout, "end", item.played()))

    def frame(self) -> NDArray[np.int16]:
        """Return the next int16[160]."""
        if not self.queue:
            return np.zeros(160, np.int16)
        head = self.queue[0].current()
        assert head is not None
        samples: list[int] = []
        while len(samples) < head.rate // 50 and self.queue:
            item = self.queue[0]
            clip = item.current()
            if clip is None or clip.rate != head.rate:
                break
            samples.append(int(self.bank[clip.offset + item.position]))
            item.position += 1
            if item.position == clip.samples:
                item.before += clip.samples * 1000 / clip.rate
                item.clip, item.position = item.clip + 1, 0
                self._retire()
        frame = np.array(samples + [0] * (head.rate // 50 - len(samples)), np.int16)
        if head.rate == 8000:
            return frame
        sound, self.past = halve(frame[None], self.past)
        narrow: NDArray[np.int16] = sound[0]
        return narrow


class Stage:
    """An engine with several legs, their references, and orders drawn by chance."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.bank = self.rng.integers(-20000, 20000, 30000).astype(np.int16)
        self.line = Line()
        self.events: list[Event] = []
        self.engine = Engine(self.line, self.bank, self.events.append, seed=seed)
        self.now = 10.0
        self.legs: list[tuple[str, int]] = []
        self.players: list[ReferencePlayer] = []
        self.expected: list[bytes] = []
        self.heard: list[bytes] = []
        self._playout = 0
        for leg in range(12):
            codec, ptime = list(CODECS)[leg % 2], int(self.rng.choice(PTIMES))
            kind = CODECS[codec][0]
            self.engine.order(OpenLeg(leg, slot=leg, inband_digits=False, rtp_timeout=0), self.now)
            self.engine.order(
                SetStream(leg, Stream(codec, kind, kind, *PEER, PEER[1] + 1, ptime=ptime)), self.now
            )
            self.legs.append((codec, ptime))
            self.players.append(ReferencePlayer(self.bank))
            self.expected.append(b"")
            self.heard.append(b"")

    def clip(self, leg: int) -> ClipRef:
        """Draw a clip; every fourth leg has clips of 16 kHz, to be converted."""
        rate = 8000 if leg % 4 else 16000
        samples = int(self.rng.choice([0, 1, 79, 160, 161, 320, int(self.rng.integers(1, 3000))]))
        return ClipRef(int(self.rng.integers(0, len(self.bank) - samples + 1)), samples, rate)

    def something(self, leg: int) -> None:
        """Give a leg one order."""
        player, chance = self.players[leg], self.rng.random()
        if chance < 0.7:
            self._playout += 1
            order = Play(
                leg,
                self._playout,
                [self.clip(leg) for _ in range(int(self.rng.integers(0, 4)))],
                urgent=self.rng.random() < 0.25,
                stop_digits=str(self.rng.choice(["", "", "5", "123456789*#0"])),
                loop=self.rng.random() < 0.15,
            )
            self.engine.order(order, self.now)
            player.order(order)
        elif chance < 0.8:
            playout = int(self.rng.choice([0, *(item.order.playout for item in player.queue)]))
            self.engine.order(StopPlay(leg, playout), self.now)
            player.end([item for item in player.queue if playout in (0, item.order.playout)], "stopped")
        else:
            digit = str(self.rng.choice(["1", "5", "#", "A"]))
            self.engine.order(OtherDigits(leg, digit), self.now)
            player.end([item for item in player.queue if digit in item.order.stop_digits], "digit")

    def tick(self) -> None:
        self.now += 0.02
        self.engine.tick(self.now)
        for leg, (codec, _) in enumerate(self.legs):
            self.expected[leg] += CODECS[codec][1][self.players[leg].frame().view(np.uint16)].tobytes()
            self.heard[leg] += b"".join(packet[12:] for packet in self.line.sent[leg])
            self.line.sent[leg] = []


@pytest.mark.parametrize("seed", range(3))
def test_what_is_played_is_what_the_reference_plays(seed: int) -> None:
    stage = Stage(seed)
    for _ in range(250):
        for leg in range(len(stage.legs)):
            if stage.rng.random() < 0.06:
                stage.something(leg)
        stage.tick()
    for leg, (_, ptime) in enumerate(stage.legs):
        heard, expected = stage.heard[leg], stage.expected[leg]
        assert len(expected) - len(heard) < 8 * ptime  # less than a packet is still being collected
        assert heard == expected[: len(heard)], leg
        done = [event for event in stage.events if isinstance(event, PlayDone) and event.leg == leg]
        assert done == stage.players[leg].done
    assert sum(len(player.done) for player in stage.players) > 50
