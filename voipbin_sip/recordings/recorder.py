"""Begins and ends recordings of calls and rooms, one at a time for each, and tells who wants to know.

While one goes on, its media worker writes it. After its end it is coded, if it shall be anything but WAV, and only
then told as ended. What was going on when the server died is found at the next start (`recover`).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

import soundfile
import structlog

from media.client import MediaClient, NoPort, Recording, Room, WorkerLost
from media.recorder_disk import DISK_FULL
from media.wav import repair
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.recordings.encode import encode
from voipbin_sip.recordings.folder import RecordingFolder
from voipbin_sip.recordings.spoken import spoken
from voipbin_sip.recordings.terms import MAX_SECONDS, Busy, NotRecorded, RecordingFile, Reference, Terms

NO_UUID = UUID(int=0)
INTERRUPTED, MEDIA_LOST = "interrupted", "media lost"
CLOSE_SECONDS = 3.0


class RecordingWatcher(Protocol):
    """Wants to know of recordings. Must not wait; what it raises is logged and changes nothing."""

    def recording_changed(self, recording: RecordingFile) -> None:
        """Take a recording that has begun, is being stopped, or is over."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a recording comes from, and what follows it."""

    activeflow_id: UUID = NO_UUID
    on_end_flow_id: UUID = NO_UUID
    ended: Callable[[RecordingFile], None] | None = None  # is called when the file is whole


@dataclass(slots=True)
class _Live:
    """A recording that goes on."""

    file: RecordingFile
    sound: Recording
    task: asyncio.Task[None] | None = None


class Recordings:
    """All recordings of this server."""

    def __init__(self, media: MediaClient, folder: RecordingFolder) -> None:
        self.folder = folder
        self.watchers: list[RecordingWatcher] = []
        self._media = media
        self._live: dict[UUID, _Live] = {}  # by what is recorded
        self._beginning: set[UUID] = set()
        self._coder = ThreadPoolExecutor(1, "coder")
        self._given_up = threading.Event()  # there is no time for coding any more
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("recording")

    def of(self, reference_id: UUID) -> RecordingFile | None:
        """Return the recording of a call or conference that goes on."""
        live = self._live.get(reference_id)
        return live.file if live is not None else None

    async def record_call(self, session: CallSession, terms: Terms, origin: Origin) -> RecordingFile:
        """Begin to record a call. Raises Busy, NotRecorded."""
        if session.call.status is not Status.PROGRESSING or session.sound is None:
            raise NotRecorded("the call is not in progress")

        def begin(path: Path) -> Recording:
            if session.sound is None:
                raise NotRecorded("the call is over")
            return self._media.record(
                session.sound.leg,
                path,
                direction=terms.direction,
                rate=session.sound.rate,
                duration=_milliseconds(terms.duration) or MAX_SECONDS * 1000,
                silence=_milliseconds(terms.end_of_silence),
                stop_digits=terms.keys,
            )

        return await self._begin("call", session.call.id, terms, origin, begin)

    async def record_room(
        self, room: Callable[[], Room | None], conference_id: UUID, terms: Terms, origin: Origin
    ) -> RecordingFile:
        """Begin to record what is said in a room, until nobody is left. Raises Busy, NotRecorded."""

        def begin(path: Path) -> Recording:
            now = room()
            if now is None or not now.legs:
                raise NotRecorded("nobody is in the conference")
            duration = _milliseconds(terms.duration) or MAX_SECONDS * 1000
            return self._media.record_room(now, path, duration=duration)

        return await self._begin("confbridge", conference_id, terms, origin, begin)

    def stop(self, reference_id: UUID, reason: str = "") -> RecordingFile | None:
        """End the recording of a call or conference; None where there is none."""
        live = self._live.get(reference_id)
        if live is None:
            return None
        if live.file.status == "recording":
            live.file = live.file.changed(status="stopping", reason=reason)
            self._tell(live.file)
            live.sound.stop()
        return live.file

    async def recover(self) -> Sequence[RecordingFile]:
        """Close what was going on when the server died; its sound is kept as far as it was written."""
        found: list[RecordingFile] = []
        for file in await asyncio.to_thread(self.folder.unfinished):
            if file.reference_id in self._live and self._live[file.reference_id].file.id == file.id:
                continue
            found.append(await self._finish(file, file.reason or INTERRUPTED, file.lost))
        return found

    async def close(self) -> None:
        """Wait a little for files to be whole; what takes longer is finished at the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        self._given_up.set()
        for task in [*self._tasks]:
            task.cancel()
        self._coder.shutdown(wait=False, cancel_futures=True)

    async def _begin(
        self,
        kind: Reference,
        reference_id: UUID,
        terms: Terms,
        origin: Origin,
        begin: Callable[[Path], Recording],
    ) -> RecordingFile:
        if reference_id in self._live or reference_id in self._beginning:
            raise Busy("it is being recorded already")
        now = datetime.now(UTC)
        file = RecordingFile(
            id=uuid4(),
            reference_type=kind,
            reference_id=reference_id,
            name=f"{kind}_{reference_id}_{now:%Y-%m-%dT%H:%M:%SZ}",
            format=terms.format,
            began=now,
            activeflow_id=origin.activeflow_id,
            on_end_flow_id=origin.on_end_flow_id,
        )
        self._beginning.add(reference_id)
        try:
            path = await asyncio.to_thread(self.folder.begin, file)
            sound = begin(path)
        except (OSError, NoPort, WorkerLost) as error:
            self._forget_soon(file)
            raise NotRecorded(f"it cannot be recorded: {error}") from error
        except BaseException:
            self._forget_soon(file)
            raise
        finally:
            self._beginning.discard(reference_id)
        live = self._live[reference_id] = _Live(file, sound)
        self._log.info("recording", of=kind, reference=str(reference_id), **file.log_ids)
        self._tell(file)
        task = asyncio.get_running_loop().create_task(self._follow(live, origin))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return file

    async def _follow(self, live: _Live, origin: Origin) -> None:
        """Wait for the end of a recording, and tell of it when its file is whole."""
        done = await live.sound.done()
        del self._live[live.file.reference_id]
        told = live.file.reason if done.reason == "stopped" else ""
        file = await self._finish(live.file, told or done.reason, done.lost / 1000)
        if origin.ended is not None:
            try:
                origin.ended(file)
            except Exception:
                self._log.exception("what follows a recording failed", **file.log_ids)

    async def _finish(self, file: RecordingFile, reason: str, lost: float = 0.0) -> RecordingFile:
        """Make a recording whole and return how it ended."""
        loop = asyncio.get_running_loop()
        file = file.changed(reason=reason, lost=lost)
        try:
            file = await loop.run_in_executor(self._coder, self._complete, file)
        except InterruptedError:
            raise asyncio.CancelledError from None  # the note of it stays, and the next start goes on
        except (OSError, ValueError) as error:
            self._log.error("a recording cannot be kept", why=str(error), **file.log_ids)
            broken = reason.startswith("failed") or reason in (DISK_FULL, MEDIA_LOST)
            file = file.changed(reason=reason if broken else f"failed: {error}")
        ended = min(file.began + timedelta(seconds=file.seconds), datetime.now(UTC))
        file = file.changed(status="ended", ended=ended)
        self._log.info(
            "recording ended",
            **file.log_ids,
            why=file.reason,
            seconds=round(file.seconds, 2),
            lost=file.lost,
        )
        self._tell(file)
        await asyncio.to_thread(self._forget, file)
        return file

    def _complete(self, file: RecordingFile) -> RecordingFile:
        """Repair, measure and code a recording. Raises OSError, ValueError."""
        wav, path = self.folder.place(file.id, file.began, "wav"), self.folder.file(file)
        if path != wav and not wav.exists() and path.exists():  # the last server was about to tell of it
            return file.changed(seconds=soundfile.info(str(path)).duration, size=path.stat().st_size)
        file = file.changed(seconds=repair(wav))
        file = file.changed(spoken=spoken(wav))
        if path != wav:
            with contextlib.suppress(OSError):  # no place: it will be "interrupted" should the server die now
                self.folder.note(file)
            try:
                encode(wav, path, self._given_up)
            except InterruptedError:
                raise
            except OSError as error:
                self._log.error("a recording stays WAV", why=str(error), **file.log_ids)
                file, path = file.changed(format="wav"), wav
        return file.changed(size=path.stat().st_size)

    def _forget(self, file: RecordingFile) -> None:
        try:
            self.folder.end(file)
        except OSError as error:
            self._log.warning("a note of a recording stays", why=str(error), **file.log_ids)

    def _forget_soon(self, file: RecordingFile) -> None:
        asyncio.get_running_loop().run_in_executor(None, self._forget, file)

    def _tell(self, file: RecordingFile) -> None:
        for watcher in self.watchers:
            try:
                watcher.recording_changed(file)
            except Exception:
                self._log.exception("a watcher of recordings failed", **file.log_ids)


def _milliseconds(seconds: float) -> int:
    return round(min(seconds, MAX_SECONDS) * 1000)
