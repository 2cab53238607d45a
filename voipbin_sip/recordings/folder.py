"""Where recordings lie: `recordings/YYYY/MM/ID.wav` below the data folder, readable by us only.

Beside a recording that goes on lies `ID.json`, which says what it is; what is left of it after a crash is found by
that (`unfinished`). All of this touches the disk: call it in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

from voipbin_sip.recordings.terms import RecordingFile

SUFFIXES = (".wav", ".ogg", ".mp3")


class Kept(NamedTuple):
    """A recording on disk."""

    changed: float  # Unix time
    size: int  # octets
    path: Path


class RecordingFolder:
    """All recordings."""

    def __init__(self, data: Path) -> None:
        self.path = data / "recordings"

    def place(self, id_: UUID, began: datetime, suffix: str) -> Path:
        """Return where a file of a recording lies."""
        return self.path / f"{began:%Y/%m}" / f"{id_}.{suffix}"

    def file(self, recording: RecordingFile) -> Path:
        """Return where the sound of a recording lies."""
        return self.place(recording.id, recording.began, recording.format)

    def begin(self, recording: RecordingFile) -> Path:
        """Make the folder and write down what is about to be recorded; return where its sound goes. Raises OSError."""
        place = self.place(recording.id, recording.began, "wav")
        for folder in (self.path, place.parent.parent, place.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.note(recording)
        return place

    def note(self, recording: RecordingFile) -> None:
        """Write down what is known of a recording that is not whole yet. Raises OSError."""
        write(self._note(recording), msgspec.json.encode(recording))

    def end(self, recording: RecordingFile) -> None:
        """Forget what was written down. Raises OSError."""
        self._note(recording).unlink(missing_ok=True)

    def delete(self, id_: UUID, began: datetime) -> None:
        """Remove all files of a recording. Raises OSError."""
        for suffix in SUFFIXES:
            self.place(id_, began, suffix[1:]).unlink(missing_ok=True)

    def unfinished(self) -> list[RecordingFile]:
        """Return the recordings that were going on when the server died."""
        found = []
        for note in sorted(self.path.glob("*/*/*.json")):
            try:
                found.append(msgspec.json.decode(note.read_bytes(), type=RecordingFile))
            except (OSError, msgspec.MsgspecError):
                continue  # torn itself; its sound stays
        return found

    def all(self) -> list[Kept]:
        """Return all files with sound, the oldest first."""
        return sorted(self._files())

    def _files(self) -> Iterator[Kept]:
        for path in self.path.glob("*/*/*"):
            if path.suffix in SUFFIXES:
                try:
                    stat = path.stat()
                except OSError:
                    continue  # removed meanwhile
                yield Kept(stat.st_mtime, stat.st_size, path)

    def _note(self, recording: RecordingFile) -> Path:
        return self.place(recording.id, recording.began, "json")


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, readable by us only. Raises OSError."""
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    new.replace(path)
