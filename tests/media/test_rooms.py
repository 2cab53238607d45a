"""Rooms, seen from the phones: who hears whom, how loud, and that nothing clicks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.codecs.g722 import Decoder, Encoder
from media.messages import Join
from tests.media.fake_io import Bench, stream

ROOM = 900
KIND = {"PCMU": 0, "PCMA": 8, "G722": 9}


class Phone:
    """A leg in a bench, and a peer that sends a tone of its own and listens."""

    def __init__(self, bench: Bench, codec: str = "PCMU", hertz: float = 500.0, room: int = ROOM) -> None:
        self.bench, self.codec, self.hertz = bench, codec, hertz
        self.leg = bench.open(stream(codec))
        self.rate = 16000 if codec == "G722" else 8000
        self._time = 0
        self._encoder, self._decoder = Encoder(), Decoder()
        if room:
            bench.order(Join(self.leg, room))

    def talk(self, level: float = 4000.0) -> None:
        size = self.rate // 50
        time = (self._time + np.arange(size)) / self.rate
        self._time += size
        sound = (level * np.sin(2 * np.pi * self.hertz * time)).astype(np.int16)
        self.bench.speak(self.leg, self._encode(sound), payload_type=KIND[self.codec])

    def hear(self) -> NDArray[np.float64]:
        """Return all that has come since the last time."""
        octets = self.bench.heard(self.leg)
        if self.codec == "G722":
            return self._decoder.decode(octets).astype(np.float64)
        table = ALAW_DECODE if self.codec == "PCMA" else ULAW_DECODE
        return table[np.frombuffer(octets, np.uint8)].astype(np.float64)

    def _encode(self, sound: NDArray[np.int16]) -> bytes:
        if self.codec == "G722":
            return self._encoder.encode(sound)
        table = ALAW_ENCODE if self.codec == "PCMA" else ULAW_ENCODE
        return bytes(table[sound.view(np.uint16)])


def level(sound: NDArray[np.float64], hertz: float, rate: int) -> float:
    """Return the amplitude of a tone in a sound."""
    phase = 2 * np.pi * hertz / rate * np.arange(len(sound))
    return float(2 * np.abs(np.exp(-1j * phase) @ sound) / max(len(sound), 1))


def talk(bench: Bench, phones: list[Phone], ticks: int) -> list[NDArray[np.float64]]:
    """Let all phones talk for a while and return what each hears in that time."""
    for phone in phones:
        phone.hear()
    for _ in range(ticks):
        for phone in phones:
            phone.talk()
        bench.tick()
    return [phone.hear() for phone in phones]


def levels(phones: list[Phone], heard: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return [listener, speaker]: how loud each is heard by each, 1 = as spoken."""
    return np.array(
        [
            [level(sound, speaker.hertz, listener.rate) / 4000 for speaker in phones]
            for listener, sound in zip(phones, heard, strict=True)
        ]
    )


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("codecs", [("PCMU", "PCMU"), ("PCMU", "PCMA"), ("G722", "PCMU"), ("G722", "G722")])
def test_two_hear_each_other_and_not_themselves(bench: Bench, codecs: tuple[str, str]) -> None:
    phones = [Phone(bench, codec, hertz) for codec, hertz in zip(codecs, (500, 700), strict=True)]
    talk(bench, phones, 10)
    found = levels(phones, talk(bench, phones, 50))
    assert found == pytest.approx(np.array([[0, 1], [1, 0]]), abs=0.03)


@pytest.mark.parametrize(
    "codecs",
    [
        ("PCMU", "PCMU", "PCMU"),
        ("PCMU", "PCMA", "G722"),
        ("G722", "PCMA", "G722", "PCMU"),
        ("G722", "G722", "G722"),
    ],
)
def test_each_of_a_larger_room_hears_all_others(bench: Bench, codecs: tuple[str, ...]) -> None:
    phones = [Phone(bench, codec, 400 + 150 * place) for place, codec in enumerate(codecs)]
    talk(bench, phones, 10)
    found = levels(phones, talk(bench, phones, 50))
    assert found == pytest.approx(1 - np.eye(len(phones)), abs=0.04)


def test_rooms_of_all_sizes_do_not_hear_each_other(bench: Bench) -> None:
    sizes = [1, 2, 3, 5, 2, 20, 17, 16, 4]
    phones: list[list[Phone]] = []
    for room, size in enumerate(sizes):
        phones.append([Phone(bench, hertz=200 + 50 * room, room=ROOM + room) for _ in range(size)])
    everyone = [phone for members in phones for phone in members]
    for phone in everyone:
        phone.hear()
    for _ in range(30):
        for phone in everyone:
            phone.talk(400)
        bench.tick()
    for members in phones:
        for phone in members:
            sound = phone.hear()[-1600:]
            assert level(sound, phone.hertz, 8000) / 400 == pytest.approx(len(members) - 1, rel=0.1, abs=0.01)
            others = sound - level(sound, phone.hertz, 8000) * 0
            assert np.sqrt(np.mean(others**2)) == pytest.approx(
                400 * (len(members) - 1) / np.sqrt(2), rel=0.1, abs=1
            )
