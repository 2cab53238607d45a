"""Recordings, tick by tick: what is in which channel, how long, what ends them, and what a bad disk does."""

from __future__ import annotations

import errno
import os
import queue
import socket
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from media.codecs.g711 import ULAW_DECODE, ULAW_ENCODE
from media.codecs.g722 import Encoder
from media.engine import Engine
from media.handover import Luggage, put_in, take_out
from media.messages import (
    CloseLeg,
    Join,
    Leave,
    Mute,
    OpenLeg,
    OpenTap,
    OtherDigits,
    Record,
    RecordDone,
    SetStream,
    StopRecord,
)
from media.recorder_disk import Disk
from media.wav import HEADER, WavFile, repair
from tests.media.fake_io import Bench, stream


class Studio(Bench):
    """A bench with a disk of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.engine = Engine(self.io, self.bank, self.events.append, disk=self.disk, seed=1)
        self._phase: dict[int, int] = {}

    def record(
        self, leg: int, path: Path, direction: str = "both", rate: int = 8000, **limits: object
    ) -> None:
        self.order(Record(leg, 7, str(path), direction, rate, **limits))  # type: ignore[arg-type]

    def talk(self, leg: int, hertz: float, ticks: int, level: float = 8000.0) -> None:
        """Let a G.711 phone send a tone."""
        for _ in range(ticks):
            self.say(leg, hertz, level)
            self.tick()

    def say(self, leg: int, hertz: float, level: float = 8000.0) -> None:
        start = self._phase.get(leg, 0)
        self._phase[leg] = start + 160
        self.speak(leg, bytes(ULAW_ENCODE[sine(hertz, start, 160, level).view(np.uint16)]))

    def done(self) -> RecordDone:
        """Wait for the disk and return the end of the only recording."""
        self.disk.close()
        (event,) = self.disk.done
        return event


def sine(
    hertz: float, start: int, samples: int, level: float = 8000.0, rate: int = 8000
) -> NDArray[np.int16]:
    return (level * np.sin(2 * np.pi * hertz * (start + np.arange(samples)) / rate)).astype(np.int16)


def load(path: Path) -> tuple[NDArray[np.float64], int]:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return samples.astype(np.float64), rate


def level(sound: NDArray[np.float64], hertz: float, rate: int = 8000) -> float:
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / rate)
    return float(2 * abs(turns @ sound) / max(len(sound), 1))


@pytest.fixture
def studio() -> Studio:
    return Studio()


def test_both_directions_lie_in_their_channels(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.play(leg, sine(1100, 0, 8000 * 4))
    studio.talk(leg, 440, 10)
    studio.record(leg, tmp_path / "a.wav")
    studio.talk(leg, 440, 100)
    studio.order(StopRecord(leg, 7))
    assert studio.done() == RecordDone(leg, 7, "stopped", 2000, 0)
    sound, rate = load(tmp_path / "a.wav")
    assert (sound.shape, rate) == ((16000, 2), 8000)
    assert level(sound[:, 0], 440) == pytest.approx(8000, rel=0.05)
    assert level(sound[:, 0], 1100) < 50
    assert level(sound[:, 1], 1100) == pytest.approx(8000, rel=0.05)
    assert level(sound[:, 1], 440) < 50
    assert (tmp_path / "a.wav").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("direction", "said", "heard"), [("in", 1, 0), ("out", 0, 1), ("mix", 1, 1)])
def test_one_channel(studio: Studio, tmp_path: Path, direction: str, said: int, heard: int) -> None:
    leg = studio.open()
    studio.play(leg, sine(1100, 0, 8000 * 4))
    studio.talk(leg, 440, 10)
    studio.record(leg, tmp_path / "a.wav", direction)
    studio.talk(leg, 440, 60)
    studio.order(CloseLeg(leg))
    assert studio.done() == RecordDone(leg, 7, "hangup", 1200, 0)
    sound, _ = load(tmp_path / "a.wav")
    assert sound.shape == (9600, 1)
    assert level(sound[:, 0], 440) == pytest.approx(8000 * said, rel=0.05, abs=50)
    assert level(sound[:, 0], 1100) == pytest.approx(8000 * heard, rel=0.05, abs=50)


def test_each_sample_is_where_it_belongs(studio: Studio, tmp_path: Path) -> None:
    """Over several handings to the disk and skipped ticks: what comes out of the jitter buffer, without a seam."""
    leg = studio.open()
    studio.talk(leg, 437.77, 10)  # its period is no whole number of samples
    studio.record(leg, tmp_path / "a.wav", "in")
    studio.talk(leg, 437.77, 60)
    studio.order(StopRecord(leg, 7))
    studio.done()
    sound = load(tmp_path / "a.wav")[0][:, 0].astype(np.int16)
    spoken = ULAW_DECODE[ULAW_ENCODE[sine(437.77, 0, 70 * 160).view(np.uint16)]]
    offsets = [start for start in range(0, 1700, 80) if (spoken[start : start + 9500] == sound[:9500]).all()]
    assert len(offsets) == 1


def test_skipped_ticks_are_silence(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav", "in")
    studio.talk(leg, 440, 30)
    studio.engine.skip(40)
    studio.talk(leg, 440, 30)
    studio.order(StopRecord(leg, 7))
    assert studio.done().length == 2000
    assert len(load(tmp_path / "a.wav")[0]) == 16000


def test_a_held_leg_is_silence(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav")
    studio.talk(leg, 440, 20)
    studio.order(SetStream(leg, stream(send=False, receive=False)))
    studio.tick(50)
    studio.order(StopRecord(leg, 7))
    assert studio.done().length == 1400
    sound, _ = load(tmp_path / "a.wav")
    assert np.abs(sound[:3200, 0]).max() > 4000
    assert np.abs(sound[3600:]).max() == 0


def test_muted_speech_is_not_recorded(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.talk(leg, 440, 10)
    studio.order(Mute(leg, "in"))
    studio.record(leg, tmp_path / "a.wav", "in")
    studio.talk(leg, 440, 30)
    studio.order(StopRecord(leg, 7))
    studio.done()
    assert np.abs(load(tmp_path / "a.wav")[0]).max() == 0


def test_it_ends_by_time(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav", duration=1500)
    studio.talk(leg, 440, 200)
    assert studio.done() == RecordDone(leg, 7, "duration", 1500, 0)
    assert len(load(tmp_path / "a.wav")[0]) == 12000
    assert not studio.engine.recorder.busy


def test_it_ends_by_silence(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav", silence=1000)
    studio.talk(leg, 440, 40)
    studio.talk(leg, 440, 40, level=30.0)
    studio.talk(leg, 440, 40)
    studio.talk(leg, 440, 200, level=30.0)
    done = studio.done()
    assert done.reason == "silence"
    assert 3400 <= done.length <= 3600


def test_it_ends_by_key(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav", stop_digits="#")
    studio.talk(leg, 440, 20)
    studio.order(OtherDigits(leg, "1"))
    studio.talk(leg, 440, 20)
    studio.order(OtherDigits(leg, "#"))
    studio.talk(leg, 440, 20)
    assert studio.done() == RecordDone(leg, 7, "key", 800, 0)


def test_wide_sound(studio: Studio, tmp_path: Path) -> None:
    """A G.722 phone recorded at 16 kHz: a tone above 4 kHz is there; it goes on at 8 kHz after a change of codec."""
    leg = studio.open(stream("G722"))
    encoder, start = Encoder(), 0
    studio.record(leg, tmp_path / "a.wav", rate=16000)
    for _ in range(100):
        studio.speak(leg, encoder.encode(sine(5000, start, 320, rate=16000)), payload_type=9)
        start += 320
        studio.tick()
    studio.order(SetStream(leg, stream("PCMU")))
    studio.talk(leg, 700, 60)
    studio.order(StopRecord(leg, 7))
    assert studio.done().length == 3200
    sound, rate = load(tmp_path / "a.wav")
    assert (rate, len(sound)) == (16000, 51200)
    assert level(sound[8000:24000, 0], 5000, 16000) > 4000
    assert level(sound[-14000:-1000, 0], 700, 16000) > 7000


def test_a_bridge_is_recorded_without_being_disturbed(studio: Studio, tmp_path: Path) -> None:
    """Two phones of one codec, whose packets are only copied otherwise."""
    one, other = studio.open(), studio.open()
    for leg in (one, other):
        studio.order(Join(leg, 900))
    for number in range(100):
        if number == 30:
            studio.record(one, tmp_path / "a.wav")
        studio.say(one, 440)
        studio.say(other, 1100)
        studio.tick()
    studio.order(StopRecord(one, 7))
    assert studio.done().length == 1400
    sound, _ = load(tmp_path / "a.wav")
    assert level(sound[:, 0], 440) > 7500
    assert level(sound[:, 1], 1100) > 7500
    assert level(sound[:, 0], 1100) < 50
    counts = []
    for _ in range(5):
        studio.say(one, 440)
        studio.say(other, 1100)
        studio.tick()
        counts.append(studio.engine.decoded)
    assert counts[-1] == counts[1]  # copied again


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("phones", [1, 2, 3])
def test_a_room_is_recorded_by_an_ear(studio: Studio, tmp_path: Path, phones: int, rate: int) -> None:
    tones = (440, 1100, 1700)[:phones]
    legs = [studio.open() for _ in tones]
    studio.order(OpenLeg(99, 99, False, 0.0))
    for leg in (*legs, 99):
        studio.order(Join(leg, 900))
    studio.order(Record(99, 7, str(tmp_path / "a.wav"), "room", rate))
    for _ in range(100):
        for leg, hertz in zip(legs, tones, strict=True):
            studio.say(leg, hertz)
        studio.tick()
    assert not studio.io.sent.get(99)
    studio.order(CloseLeg(99))
    assert studio.done() == RecordDone(99, 7, "hangup", 2000, 0)
    sound, found = load(tmp_path / "a.wav")
    assert (found, len(sound)) == (rate, rate * 2)
    for hertz in tones:
        assert level(sound[rate // 2 :, 0], hertz, rate) == pytest.approx(8000, rel=0.1)


def test_digits_go_on_between_two_while_an_ear_listens(studio: Studio, tmp_path: Path) -> None:
    one, other = studio.open(), studio.open()
    studio.order(OpenLeg(99, 99, False, 0.0))
    for leg in (one, other, 99):
        studio.order(Join(leg, 900))
    studio.order(Record(99, 7, str(tmp_path / "a.wav"), "room", 8000))
    studio.tick(5)
    studio.sent(other)
    studio.order(OtherDigits(one, "5"))
    studio.tick(20)
    assert any(header.payload_type == 101 for header, _ in studio.sent(other))
    studio.order(CloseLeg(99))
    studio.disk.close()


def test_it_goes_on_in_another_engine(studio: Studio, tmp_path: Path) -> None:
    """As when its leg joins a room that another worker mixes: one file, no sound missing or twice."""
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav", "in", duration=2000)
    studio.talk(leg, 440, 33)
    luggage = msgspec.msgpack.encode(take_out(studio.engine, studio.engine.legs.by_id[leg]))
    studio.disk.let_go(7)
    studio.disk.close()
    assert not studio.disk.done
    other = Studio()
    other.now = studio.now
    put_in(other.engine, msgspec.msgpack.decode(luggage, type=Luggage), other.now)
    other.tick(100)
    assert other.done() == RecordDone(leg, 7, "duration", 2000, 0)
    sound = load(tmp_path / "a.wav")[0][:, 0]
    assert len(sound) == 16000
    assert level(sound[2000:5000], 440) > 7500


class FullDisk(WavFile):
    """Takes a second of sound."""

    def write(self, at: int, sound: bytes) -> None:
        if at >= 8000:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(at, sound)


def test_a_full_disk_ends_it_and_the_call_goes_on(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.recorder_disk.WavFile", FullDisk)
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav", "in")
    for _ in range(10):
        studio.talk(leg, 440, 25)
        until(studio.disk)
    assert not studio.engine.recorder.busy
    assert studio.done().reason == "disk full"
    assert len(load(tmp_path / "a.wav")[0]) == 8000
    studio.sent(leg)
    studio.talk(leg, 440, 5)
    assert len(studio.sent(leg)) == 5


def until(disk: Disk) -> None:
    """Let the disk do all that waits."""
    reached: queue.SimpleQueue[None] = queue.SimpleQueue()
    disk.call(lambda: reached.put(None))
    reached.get(timeout=5)


def test_a_folder_that_is_not_there(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.record(leg, tmp_path / "none" / "a.wav")
    studio.talk(leg, 440, 30)
    studio.order(StopRecord(leg, 7))
    assert studio.done().reason.startswith("failed: ")


def test_a_slow_disk_costs_sound_but_no_time(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk hangs, what does not fit is left out and counted; the file keeps its length."""
    monkeypatch.setattr("media.recorder_disk.QUEUE_TICKS", 1300)
    leg = studio.open()
    hangs: queue.SimpleQueue[None] = queue.SimpleQueue()
    studio.disk.call(lambda: hangs.get(timeout=20))
    for number in range(20, 40):
        studio.order(Record(leg, number, str(tmp_path / f"{number}.wav"), "in", 8000))
    studio.tick(100)
    for number in range(20, 40):
        studio.order(StopRecord(leg, number))
    hangs.put(None)
    studio.disk.close(20)
    assert len(studio.disk.done) == 20
    assert {event.length for event in studio.disk.done} == {2000}
    assert 0 < sum(event.lost for event in studio.disk.done) < 20 * 2000
    assert {(tmp_path / f"{number}.wav").stat().st_size for number in range(20, 40)} == {HEADER + 32000}


def test_a_leg_that_leaves_its_room_is_heard_no_more(studio: Studio, tmp_path: Path) -> None:
    one, other = studio.open(), studio.open()
    for leg in (one, other):
        studio.order(Join(leg, 900))
    studio.record(one, tmp_path / "a.wav", "out")
    for number in range(80):
        if number == 40:
            studio.order(Leave(other))
        studio.say(other, 1100)
        studio.tick()
    studio.order(StopRecord(one, 7))
    studio.done()
    sound = load(tmp_path / "a.wav")[0][:, 0]
    assert level(sound[1600:6000], 1100) > 7000
    assert np.abs(sound[7000:]).max() == 0


def test_the_file_is_playable_at_any_moment(studio: Studio, tmp_path: Path) -> None:
    leg = studio.open()
    studio.record(leg, tmp_path / "a.wav")
    studio.talk(leg, 440, 80)
    until(studio.disk)
    sound, rate = load(tmp_path / "a.wav")  # nobody has ended it
    assert rate == 8000
    assert len(sound) == 75 * 160
    studio.disk.close()


def test_a_torn_file_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    file = WavFile(path, 8000, 2)
    file.write(0, bytes(4 * 8000))
    file.close()
    with path.open("ab") as torn:
        torn.write(b"abc")
    assert repair(path) == 1.0
    assert len(load(path)[0]) == 8000
    path.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="no recording"):
        repair(path)


def test_a_tmpfs_that_is_full(studio: Studio, tmp_path: Path) -> None:
    """The same with a real file system of 64 kB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=64k none {place} 2>/dev/null"):
        pytest.skip("no file system may be mounted here")
    try:
        leg = studio.open()
        studio.record(leg, place / "a.wav")
        for _ in range(20):
            studio.talk(leg, 440, 25)
            until(studio.disk)
        assert not studio.engine.recorder.busy
        assert studio.done().reason == "disk full"
        sound, _ = load(place / "a.wav")
        assert 12_000 <= len(sound) <= 16_384
    finally:
        os.system(f"umount {place}")


def test_what_a_program_says_is_what_the_leg_hears_and_not_what_it_says(
    studio: Studio, tmp_path: Path
) -> None:
    leg = studio.open()
    far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    studio.engine.taps.offer(9, near)
    studio.order(OpenTap(leg, 9, "both", "both"))
    studio.record(leg, tmp_path / "a.wav")
    for tick in range(60):
        far.send(sine(1100, 160 * tick, 160).tobytes())
        studio.talk(leg, 440, 1)
    studio.order(CloseLeg(leg))
    studio.done()
    sound = load(tmp_path / "a.wav")[0][1600:]
    assert level(sound[:, 0], 440) == pytest.approx(8000, rel=0.05)
    assert level(sound[:, 0], 1100) < 50
    assert level(sound[:, 1], 1100) == pytest.approx(8000, rel=0.05)
    far.close()
