"""Recordings from their beginning to a whole file, with a media engine that this test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from media.client import Recording, WorkerLost
from media.messages import RecordDone
from media.wav import WavFile
from tests.calls.exchange import Exchange
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.recordings.folder import RecordingFolder
from voipbin_sip.recordings.recorder import Origin, Recordings
from voipbin_sip.recordings.terms import MAX_SECONDS, Busy, NotRecorded, RecordingFile, Terms

RATE = 8000


class Studio:
    """The media client as recordings see it; `end` is what the worker says when it is done."""

    def __init__(self) -> None:
        self.ordered: list[dict[str, Any]] = []
        self.path = Path()
        self.fault: Exception | None = None
        self._recording: Recording | None = None

    def record(self, leg: object, path: Path, **terms: Any) -> Recording:
        if self.fault is not None:
            raise self.fault
        self.ordered.append(terms)
        self.path = path
        self._recording = Recording(cast(Any, self), len(self.ordered))
        return self._recording

    def record_room(self, room: object, path: Path, **terms: Any) -> Recording:
        return self.record(None, path, **terms)

    id = 1

    def order(self, order: object) -> None:
        """Take the order to stop."""
        self.end("stopped")

    def write(self, seconds: float, channels: int = 2) -> None:
        file = WavFile(self.path, RATE, channels)
        wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)
        file.write(0, np.repeat(wave.astype("<i2"), channels).tobytes())
        file.close()  # the header tells nothing yet

    def end(self, reason: str, lost: int = 0) -> None:
        assert self._recording is not None
        self._recording.finish(RecordDone(1, 1, reason, 0, lost))


class Watcher:
    def __init__(self) -> None:
        self.told: list[RecordingFile] = []
        self.ended = asyncio.Event()

    def recording_changed(self, recording: RecordingFile) -> None:
        self.told.append(recording)
        if recording.status == "ended":
            self.ended.set()

    @property
    def statuses(self) -> list[str]:
        return [recording.status for recording in self.told]


class Desk:
    """A call that can be recorded."""

    def __init__(self, data: Path) -> None:
        self.studio, self.watcher, self.folder = Studio(), Watcher(), RecordingFolder(data)
        self.recordings = Recordings(cast(Any, self.studio), self.folder)
        self.recordings.watchers.append(self.watcher)
        self.call: CallSession = Exchange().phone("1")

    async def record(
        self, ended: Callable[[RecordingFile], None] | None = None, **terms: Any
    ) -> RecordingFile:
        return await self.recordings.record_call(self.call, Terms(**terms), Origin(ended=ended))

    async def over(self) -> RecordingFile:
        """Wait for the end to be told."""
        await asyncio.wait_for(self.watcher.ended.wait(), 10)
        await self.recordings.close()
        return self.watcher.told[-1]


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_from_the_beginning_to_the_end(desk: Desk) -> None:
    after: list[RecordingFile] = []
    begun = await desk.record(after.append, end_of_silence=3, end_of_key="#", duration=60)
    assert desk.studio.ordered == [
        {"direction": "both", "rate": 8000, "duration": 60_000, "silence": 3000, "stop_digits": "#"}
    ]
    assert desk.studio.path.name == f"{begun.id}.wav"
    assert desk.recordings.of(desk.call.call.id) == begun
    desk.studio.write(1.5)
    stopping = desk.recordings.stop(desk.call.call.id)
    assert stopping is not None
    assert stopping.status == "stopping"
    ended = await desk.over()
    assert desk.watcher.statuses == ["recording", "stopping", "ended"]
    assert (ended.reason, ended.seconds, ended.size) == ("stopped", 1.5, 44 + 48_000)
    assert after == [ended]
    assert soundfile.info(str(desk.folder.file(ended))).duration == 1.5
    assert desk.recordings.of(desk.call.call.id) is None
    assert not desk.folder.unfinished()
    variables = ended.variables()
    assert variables["voipbin.recording.filenames"] == f"{ended.id}.wav"
    assert variables["voipbin.recording.reference_id"] == str(desk.call.call.id)


async def test_without_a_limit_there_is_one(desk: Desk) -> None:
    await desk.record()
    assert desk.studio.ordered[0]["duration"] == MAX_SECONDS * 1000
    desk.studio.end("hangup")


@pytest.mark.parametrize(("word", "keys"), [("any", "0123456789*#ABCD"), ("none", ""), ("*#", "*#")])
async def test_keys(desk: Desk, word: str, keys: str) -> None:
    await desk.record(end_of_key=word)
    assert desk.studio.ordered[0]["stop_digits"] == keys
    desk.studio.end("hangup")


async def test_one_at_a_time(desk: Desk) -> None:
    both = await asyncio.gather(desk.record(), desk.record(), return_exceptions=True)
    assert [type(came) for came in both] == [RecordingFile, Busy]
    desk.studio.write(1.0)
    desk.studio.end("duration")
    await desk.over()
    again = Desk(desk.folder.path.parent)
    again.call = desk.call
    await again.record()


@pytest.mark.parametrize("status", [Status.RINGING, Status.TERMINATING, Status.HANGUP])
async def test_only_a_call_in_progress(desk: Desk, status: Status) -> None:
    desk.call.call.status = status
    with pytest.raises(NotRecorded, match="not in progress"):
        await desk.record()
    assert desk.watcher.told == []


async def test_a_worker_that_is_gone(desk: Desk) -> None:
    desk.studio.fault = WorkerLost("no media worker is running")
    with pytest.raises(NotRecorded, match="no media worker"):
        await desk.record()
    desk.studio.fault = None
    await desk.record()
    assert desk.watcher.statuses == ["recording"]
    desk.studio.end("hangup")


@pytest.mark.parametrize("format_", ["ogg", "mp3"])
async def test_other_formats_are_made_afterwards(desk: Desk, format_: str) -> None:
    await desk.record(format=format_)
    desk.studio.write(2.0)
    desk.studio.end("hangup")
    ended = await desk.over()
    path = desk.folder.file(ended)
    assert path.suffix == f".{format_}"
    assert path.stat().st_mode & 0o777 == 0o600
    info = soundfile.info(str(path))
    assert info.channels == 2
    assert info.duration == pytest.approx(2.0, abs=0.1)
    assert ended.seconds == 2.0
    assert ended.size == path.stat().st_size
    assert [kept.path for kept in desk.folder.all()] == [path]


async def test_nothing_was_written(desk: Desk) -> None:
    """The disk was full before the first octet."""
    await desk.record()
    desk.studio.end("disk full")
    ended = await desk.over()
    assert (ended.reason, ended.seconds, ended.size) == ("disk full", 0.0, 0)


async def test_what_follows_may_fail(desk: Desk) -> None:
    def breaks(recording: RecordingFile) -> None:
        raise RuntimeError("broken")

    await desk.record(breaks)
    desk.studio.write(1.0)
    desk.studio.end("hangup")
    assert (await desk.over()).reason == "hangup"


@pytest.mark.parametrize("format_", ["wav", "ogg"])
async def test_after_a_crash(desk: Desk, format_: str) -> None:
    """The next server finds what lies there: repaired, coded and told once."""
    begun = await desk.record(format=format_)
    desk.studio.write(1.0)
    with desk.studio.path.open("ab") as torn:
        torn.write(b"\x01")
    after = Desk(desk.folder.path.parent)
    (found,) = await after.recordings.recover()
    assert (found.id, found.reason, found.seconds) == (begun.id, "interrupted", 1.0)
    assert found.ended is not None
    assert soundfile.info(str(after.folder.file(found))).duration == pytest.approx(1.0, abs=0.1)
    assert not await after.recordings.recover()
    desk.studio.end("hangup")


async def test_a_crash_between_coding_and_telling(desk: Desk) -> None:
    begun = await desk.record(format="ogg")
    desk.studio.write(1.0)
    await desk.recordings._finish(begun, "hangup")
    desk.folder.begin(begun)  # the note had stayed
    after = Desk(desk.folder.path.parent)
    (found,) = await after.recordings.recover()
    assert found.seconds == pytest.approx(1.0, abs=0.1)
    desk.studio.end("hangup")


async def test_a_torn_note_is_passed_over(desk: Desk) -> None:
    begun = await desk.record()
    note = desk.folder.place(begun.id, begun.began, "json")
    note.write_text("{")
    assert not await Desk(desk.folder.path.parent).recordings.recover()
    desk.studio.end("hangup")


async def test_a_room(desk: Desk) -> None:
    class Room:
        legs = (1,)

    conference = UUID(int=5)
    room: Any = Room()
    made = await desk.recordings.record_room(lambda: room, conference, Terms(duration=9), Origin())
    assert desk.studio.ordered == [{"duration": 9000}]
    assert (made.reference_type, made.reference_id) == ("confbridge", conference)
    desk.studio.write(1.0, channels=1)
    desk.recordings.stop(conference, "empty")
    assert (await desk.over()).reason == "empty"
    with pytest.raises(NotRecorded, match="nobody"):
        await desk.recordings.record_room(lambda: None, conference, Terms(), Origin())
