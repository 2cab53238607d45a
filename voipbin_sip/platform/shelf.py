"""What is kept as files: recordings, and what people store. Looked up, handed out, deleted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from voipbin_sip.platform.refused import WrongState
from voipbin_sip.recordings.folder import RecordingFolder
from voipbin_sip.recordings.terms import RecordingFile
from voipbin_sip.resources.base import DEFAULT_CUSTOMER, declared_id
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.recording import RecordingResource, StorageAccount, StoredFile
from voipbin_sip.store.store import StoreUnavailable

FILE_BYTES = 100 * 1024 * 1024  # of one stored file
ACCOUNT_BYTES = 10 * 1024**3  # of all of them
_TALLY = 10_000  # deletions of one page of files


class TooLarge(Exception):  # noqa: N818 - reads as what is wrong
    """A file, or all files together, are too large; the message says which."""


class Shelf:
    """All files below the data folder that clients of the API may have."""

    def __init__(self, history: History, data: Path) -> None:
        self._history = history
        self._data = data
        self._files = data / "files"
        self.recordings = RecordingFolder(data)

    # Recordings

    async def recording(self, id_: UUID) -> RecordingResource:
        """Return a recording that is not deleted. Raises NotFound, StoreUnavailable."""
        found = await self._history.get(RecordingResource, id_)
        if found.tm_delete is not None:
            raise NotFound("recording", id_)
        return found

    async def sound(self, id_: UUID) -> Path:
        """Return the file of a recording that is over. Raises NotFound, WrongState, StoreUnavailable."""
        recording = await self.recording(id_)
        if recording.status != "ended":
            raise WrongState(f"the recording {id_} goes on")
        path = self._sound(recording)
        if path is None or not await asyncio.to_thread(path.is_file):
            raise NotFound("recording", id_, "any more")
        return path

    async def outgrown(self, id_: UUID) -> bool:
        """Delete a recording that is too old, or one too many; False where that must wait."""
        try:
            await self.delete_recording(id_, "recording_deleted")
        except NotFound:
            return True  # forgotten long ago: only its file is left
        except (WrongState, StoreUnavailable):
            return False
        return True

    async def files(self, recording_id: str) -> list[Path] | None:
        """Return the files of a recording, for mails; None while it goes on. Raises LookupError."""
        try:
            return [await self.sound(UUID(recording_id))]
        except (WrongState, StoreUnavailable):
            return None
        except (ValueError, NotFound) as error:
            raise LookupError(str(error)) from error

    async def delete_recording(self, id_: UUID, *events: str) -> RecordingResource:
        """Delete a recording with its files. Raises NotFound, WrongState, StoreUnavailable."""
        recording = await self.recording(id_)
        if recording.status != "ended":
            raise WrongState(f"the recording {id_} goes on; stop it first")
        if recording.tm_start is not None:
            await asyncio.to_thread(self.recordings.delete, id_, recording.tm_start)
        for file in await self._history.page(StoredFile, before=_END, size=_TALLY, reference_id=id_):
            self._history.delete(file, "file_deleted")
        return self._history.delete(recording, *events)

    def enter(self, file: RecordingFile) -> None:
        """Enter the file of a recording that is over."""
        if not file.size:
            return
        path = self.recordings.file(file).relative_to(self._data)
        self._history.begin(
            StoredFile(
                id=declared_id("recording_file", str(file.id)),
                reference_type="recording",
                reference_id=file.id,
                type="recording",
                name=file.name,
                filename=file.filename,
                filesize=file.size,
                path=str(path),
            ),
            "file_created",
        )

    def _sound(self, recording: RecordingResource) -> Path | None:
        if recording.tm_start is None:
            return None
        return self.recordings.place(recording.id, recording.tm_start, recording.format)

    # Files

    async def file(self, id_: UUID) -> StoredFile:
        """Return a file that is not deleted. Raises NotFound, StoreUnavailable."""
        found = await self._history.get(StoredFile, id_)
        if found.tm_delete is not None:
            raise NotFound("file", id_)
        return found

    async def content(self, id_: UUID) -> Path:
        """Return where a file lies. Raises NotFound, StoreUnavailable."""
        path = self._data / (await self.file(id_)).path
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("file", id_, "any more")
        return path

    async def keep(self, name: str, type_: str, pieces: AsyncIterator[bytes]) -> StoredFile:
        """Store a file under a name that is only shown. Raises TooLarge, OSError."""
        id_, now = uuid4(), datetime.now(UTC)
        used = (await self.account()).total_file_size
        path = self._files / f"{now:%Y/%m}" / str(id_)
        await asyncio.to_thread(path.parent.mkdir, 0o700, True, True)
        size = 0
        try:
            handle = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                async for piece in pieces:
                    size += len(piece)
                    if size > FILE_BYTES:
                        raise TooLarge(f"a file may have {FILE_BYTES} octets at most")
                    if used + size > ACCOUNT_BYTES:
                        raise TooLarge(f"all files together may have {ACCOUNT_BYTES} octets; delete some")
                    await asyncio.to_thread(file.write, piece)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return self._history.begin(
            StoredFile(
                id=id_,
                reference_type="normal",
                type=type_,  # type: ignore[arg-type]
                name=name,
                filename=name,
                filesize=size,
                path=str(path.relative_to(self._data)),
            ),
            "file_created",
        )

    async def delete_file(self, id_: UUID) -> StoredFile:
        """Delete a file. Raises NotFound, WrongState for that of a recording, StoreUnavailable."""
        file = await self.file(id_)
        if file.reference_type == "recording":
            raise WrongState(f"it belongs to the recording {file.reference_id}; delete that")
        await asyncio.to_thread((self._data / file.path).unlink, True)
        return self._history.delete(file, "file_deleted")

    async def account(self, id_: UUID = DEFAULT_CUSTOMER) -> StorageAccount:
        """Return how much is kept. Raises NotFound for another customer."""
        if id_ != DEFAULT_CUSTOMER:
            raise NotFound("storage_account", id_)
        count, size = await asyncio.to_thread(self._tally)
        began = datetime(2020, 1, 1, tzinfo=UTC)
        return StorageAccount(
            id=id_, total_file_count=count, total_file_size=size, tm_create=began, tm_update=began
        )

    def _tally(self) -> tuple[int, int]:
        count = size = 0
        for kept in self.recordings.all():
            count, size = count + 1, size + kept.size
        for path in self._files.glob("*/*/*"):
            try:
                size += path.stat().st_size
            except OSError:
                continue  # removed meanwhile
            count += 1
        return count, size


_END = datetime(9999, 12, 31, tzinfo=UTC)
