"""Rooms, seen from the phones: who hears whom, how loud, and that nothing clicks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.codecs.g722 import Decoder, Encoder
from media.dtmf.tones import tone
from media.messages import CloseLeg, Digit, Echo, Gain, Join, Leave, Mute, Play, SetStream, StopPlay
from tests.media.fake_io import Bench, stream

ROOM = 900
KIND = {"PCMU": 0, "PCMA": 8, "G722": 9}


class Phone:
    """A leg in a bench, and a peer that sends a tone of its own and listens."""

    def __init__(self, bench: Bench, codec: str = "PCMU", hertz: float = 500.0, room: int = ROOM) -> None:
        self.bench, self.codec, self.hertz = bench, codec, hertz
        self.leg = bench.open(stream(codec))
        self.rate = 16000 if codec == "G722" else 8000
        self.skip = 0  # packets that are lost before the next one
        self._time = 0
        self._encoder, self._decoder = Encoder(), Decoder()
        if room:
            bench.order(Join(self.leg, room))

    def talk(self, level: float = 4000.0) -> None:
        size = self.rate // 50
        time = (self._time + self.skip * size + np.arange(size)) / self.rate
        self._time += size * (1 + self.skip)
        sound = (level * np.sin(2 * np.pi * self.hertz * time)).astype(np.int16)
        self.bench.speak(self.leg, self._encode(sound), payload_type=KIND[self.codec], skip=self.skip)
        self.skip = 0

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


def steepest(sound: NDArray[np.float64]) -> float:
    """Return the largest step between two samples."""
    return float(np.abs(np.diff(sound)).max())


def test_two_of_one_codec_hear_the_octets_as_they_came(bench: Bench) -> None:
    legs = [bench.open(stream("PCMA")) for _ in range(2)]
    for leg in legs:
        bench.order(Join(leg, ROOM))
    sounds = [np.random.default_rng(leg).integers(0, 256, 160 * 30, np.uint8).tobytes() for leg in legs]
    for start in range(0, len(sounds[0]), 160):
        for leg, sound in zip(legs, sounds, strict=True):
            bench.speak(leg, sound[start : start + 160], payload_type=8)
        bench.tick()
    for leg, sound in zip(legs, reversed(sounds), strict=True):
        assert sound[:3200] in bench.heard(leg)


def test_g722_octets_are_copied_too_and_a_lost_packet_is_bridged(bench: Bench) -> None:
    legs = [bench.open(stream("G722")) for _ in range(2)]
    for leg in legs:
        bench.order(Join(leg, ROOM))
    frames = [bytes([number]) * 160 for number in range(40)]
    for number, frame in enumerate(frames):
        if number != 20:
            bench.speak(legs[0], frame, payload_type=9, skip=number == 21)
        bench.tick()
    heard = bench.heard(legs[1])
    assert b"".join(frames[5:20]) + frames[19] + b"".join(frames[21:35]) in heard


@pytest.mark.parametrize("codecs", [("PCMU", "PCMU"), ("PCMU", "PCMA")])
def test_a_loss_is_concealed(bench: Bench, codecs: tuple[str, str]) -> None:
    phones = [Phone(bench, codec, 500) for codec in codecs]
    talk(bench, phones, 15)
    phones[0].skip = 1
    talk_to = talk(bench, phones, 20)[1]
    assert steepest(talk_to) < 2500  # 1,600 is the tone's own
    frames = np.abs(talk_to).reshape(-1, 160).max(axis=1)
    assert frames.min() > 1500


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_what_is_dropped_by_mute_in_and_out(bench: Bench, codec: str) -> None:
    phones = [Phone(bench, codec, hertz) for hertz in (500, 700)]
    everyone = np.array([[0, 1], [1, 0]])
    for direction, heard in [
        ("in", [[0, 1], [0, 0]]),
        ("out", [[0, 0], [1, 0]]),
        ("both", [[0, 0], [0, 0]]),
        ("", everyone),
    ]:
        bench.order(Mute(phones[0].leg, direction))
        talk(bench, phones, 10)
        assert levels(phones, talk(bench, phones, 25)) == pytest.approx(np.array(heard), abs=0.03)


def test_mute_out_silences_playouts_too_and_digits_of_the_muted_are_told(bench: Bench) -> None:
    phone = Phone(bench)
    bench.order(Mute(phone.leg, "out"))
    bench.play(phone.leg, np.full(8000, 5000, np.int16))
    bench.tick(20)
    assert set(bench.heard(phone.leg)) == {0xFF}


def test_gain(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", 500), Phone(bench, "PCMA", 700), Phone(bench, "G722", 900)]
    bench.order(Gain(phones[0].leg, 0.5))
    bench.order(Gain(phones[2].leg, 2))
    talk(bench, phones, 10)
    found = levels(phones, talk(bench, phones, 50))
    assert found == pytest.approx(np.array([[0, 1, 2], [0.5, 0, 2], [0.5, 1, 0]]), abs=0.06)


@pytest.mark.parametrize(
    "codecs", [("PCMU", "PCMU"), ("PCMU", "PCMA", "PCMU"), ("G722", "PCMU"), ("G722", "G722", "G722")]
)
@pytest.mark.parametrize("order", [Leave, CloseLeg])
def test_who_leaves_is_heard_no_more_and_leaves_no_click(
    bench: Bench, codecs: tuple[str, ...], order: type[Leave] | type[CloseLeg]
) -> None:
    phones = [Phone(bench, codec, 333) for codec in codecs]
    for phone in phones:
        bench.order(Mute(phone.leg, "in"))
    bench.order(Mute(phones[0].leg, ""))
    before = talk(bench, phones, 23)[1]
    bench.order(order(phones[0].leg))
    if order is CloseLeg:
        phones.pop(0)
    heard = np.concatenate([before[-800:], talk(bench, phones, 10)[0 if order is CloseLeg else 1]])
    assert np.abs(heard[:800]).max() > 3500
    assert np.abs(heard[-800:]).max() < 30
    assert steepest(heard) < 1500 * 8000 / (16000 if codecs[1] == "G722" else 8000)


def test_entering_does_not_click(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", 333), Phone(bench, "PCMU", 333, room=0)]
    talk(bench, phones, 23)
    bench.order(Join(phones[1].leg, ROOM))
    for sound in talk(bench, phones, 10):
        assert steepest(np.concatenate([np.zeros(1), sound])) < 1500
        assert np.abs(sound).max() > 3500


def test_a_playout_replaces_the_room_or_is_heard_over_it(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", 500), Phone(bench, "PCMU", 700)]
    talk(bench, phones, 10)
    prompt = (2000 * np.sin(2 * np.pi * 1000 / 8000 * np.arange(30_000))).astype(np.int16)
    number = bench.play(phones[0].leg, prompt)
    talk(bench, phones, 5)
    heard = talk(bench, phones, 25)
    assert level(heard[0], 1000, 8000) == pytest.approx(2000, rel=0.05)
    assert levels(phones, heard) == pytest.approx(np.array([[0, 0], [1, 0]]), abs=0.03)
    bench.order(StopPlay(phones[0].leg, number))
    bench.order(Play(phones[0].leg, 77, [bench.clip(prompt)], mix=True))
    talk(bench, phones, 5)
    heard = talk(bench, phones, 25)
    assert level(heard[0], 1000, 8000) == pytest.approx(2000, rel=0.05)
    assert levels(phones, heard) == pytest.approx(np.array([[0, 1], [1, 0]]), abs=0.03)


def test_an_echoed_leg_and_the_room_do_not_hear_each_other(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", 500), Phone(bench, "PCMU", 700)]
    bench.order(Echo(phones[0].leg, "sound"))
    talk(bench, phones, 10)
    found = levels(phones, talk(bench, phones, 25))
    assert found == pytest.approx(np.array([[1, 0], [0, 0]]), abs=0.03)


def test_a_leg_moves_from_room_to_room(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", 500 + 200 * place, room=ROOM + place // 2) for place in range(4)]
    talk(bench, phones, 10)
    bench.order(Join(phones[0].leg, ROOM + 1))
    talk(bench, phones, 10)
    found = levels(phones, talk(bench, phones, 50))
    expected = np.array([[0, 0, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1], [1, 0, 1, 0]])
    assert found == pytest.approx(expected, abs=0.04)


def test_hold_and_a_change_of_codec_in_a_room(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", 500), Phone(bench, "PCMU", 700)]
    talk(bench, phones, 10)
    bench.order(SetStream(phones[0].leg, stream("PCMU", send=False)))
    talk(bench, phones, 10)
    heard = talk(bench, phones, 10)
    assert not len(heard[0])
    bench.order(SetStream(phones[0].leg, stream("G722")))
    phones[0].codec, phones[0].rate = "G722", 16000
    talk(bench, phones, 20)
    found = levels(phones, talk(bench, phones, 50))
    assert found == pytest.approx(np.array([[0, 1], [1, 0]]), abs=0.03)


@pytest.mark.parametrize(("events", "told"), [(101, []), (-1, ["5"])])
def test_tones_are_looked_for_in_what_is_copied_only_without_events(
    bench: Bench, events: int, told: list[str]
) -> None:
    legs = [bench.open(stream(receive_digit_payload_type=events), inband=True) for _ in range(2)]
    for leg in legs:
        bench.order(Join(leg, ROOM))
    sound = np.concatenate([np.zeros(3200, np.int16), tone("5", 120, 8000), np.zeros(3040, np.int16)])
    octets = ULAW_ENCODE[sound.view(np.uint16)].tobytes()
    for start in range(0, len(octets), 160):
        bench.speak(legs[0], octets[start : start + 160])
        bench.tick()
    assert [digit.digit for digit in bench.of(Digit)] == told
    assert octets[3200:4200] in bench.heard(legs[1])


def test_the_level_of_a_leg_is_known_though_it_is_not_decoded(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", hertz) for hertz in (500, 700)]
    talk(bench, phones, 20)
    engine = bench.engine
    rows = np.array([engine.legs.by_id[phone.leg].row for phone in phones])
    for row in rows.tolist():
        engine.last_said(row)
    assert engine.counters(rows)[:, -1] == pytest.approx([-21.3, -21.3], abs=0.5)


def test_a_bridge_adds_the_depth_of_the_jitter_buffer_and_no_more(bench: Bench) -> None:
    phones = [Phone(bench, "PCMU", 500) for _ in range(2)]
    for _ in range(20):
        bench.speak(phones[0].leg, b"\xff" * 160)
        bench.tick()
    phones[1].hear()
    bench.speak(phones[0].leg, b"\x42" * 160)
    bench.tick()
    assert len(phones[1].hear()) == 160
    for _ in range(10):
        bench.speak(phones[0].leg, b"\xff" * 160)
        bench.tick()
    sound = phones[1].hear()
    assert np.flatnonzero(np.abs(sound) > 1000)[0] < 480
