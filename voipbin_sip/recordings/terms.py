"""What a recording shall be, and what it is: one value for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec

Format: TypeAlias = Literal["wav", "ogg", "mp3"]
Direction: TypeAlias = Literal["both", "in", "out", "mix"]
Reference: TypeAlias = Literal["call", "confbridge"]

MAX_SECONDS = 12 * 3600  # of one recording: a WAV file of stereo at 16 kHz may last for 18 hours
KEYS = "0123456789*#ABCD"


class NotRecorded(Exception):  # noqa: N818 - reads as what happened
    """A recording cannot begin; the message says why."""


class Busy(NotRecorded):
    """It is being recorded already."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How to record."""

    format: Format = "wav"
    direction: Direction = "both"
    end_of_silence: float = 0.0  # seconds; 0 = silence does not end it
    end_of_key: str = ""  # "none" or empty, "any", or the digits that end it
    duration: float = 0.0  # seconds; 0 = as long as anything may be recorded

    @property
    def keys(self) -> str:
        """Return the digits that end it."""
        return {"": "", "none": "", "any": KEYS}.get(self.end_of_key, self.end_of_key)


class RecordingFile(msgspec.Struct, frozen=True):
    """One recording, running or over. Written beside its sound while it runs, so that a crash loses nothing."""

    id: UUID
    reference_type: Reference
    reference_id: UUID  # of the call, or of the conference
    name: str  # shown; never the name of a file
    format: Format
    began: datetime
    activeflow_id: UUID
    on_end_flow_id: UUID
    status: Literal["recording", "stopping", "ended"] = "recording"
    ended: datetime | None = None
    reason: str = ""  # why it ended
    seconds: float = 0.0
    spoken: float = 0.0  # seconds in which somebody is heard, in stereo the caller
    lost: float = 0.0  # seconds of silence in it, for which the disk was too slow
    size: int = 0  # octets

    def changed(self, **fields: Any) -> RecordingFile:
        """Return a copy with other values."""
        return msgspec.structs.replace(self, **fields)

    @property
    def log_ids(self) -> dict[str, str]:
        """Return what log lines about it are bound to: itself, the call that it is of, the run that asked for it."""
        ids = {"recording": str(self.id)}
        if self.reference_type == "call":
            ids["call"] = str(self.reference_id)
        if self.activeflow_id.int:
            ids["run"] = str(self.activeflow_id)
        return ids

    @property
    def filename(self) -> str:
        """Return the file's name."""
        return f"{self.id}.{self.format}"

    def variables(self) -> dict[str, str]:
        """Return the variables of flows that tell of it."""
        return {
            "voipbin.recording.id": str(self.id),
            "voipbin.recording.reference_type": self.reference_type,
            "voipbin.recording.reference_id": str(self.reference_id),
            "voipbin.recording.format": self.format,
            "voipbin.recording.recording_name": self.name,
            "voipbin.recording.filenames": self.filename,
            **(self._ending() if self.status == "ended" else {}),
        }

    def _ending(self) -> dict[str, str]:
        return {
            "voipbin.recording.duration": f"{self.seconds:.1f}",
            "voipbin.recording.spoken": f"{self.spoken:.1f}",
            "voipbin.recording.end_reason": self.reason,
        }
