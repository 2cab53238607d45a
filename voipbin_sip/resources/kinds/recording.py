"""Recordings and files."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from voipbin_sip.resources.base import NO_UUID, Links, Resource
from voipbin_sip.resources.stamps import Stamp


class RecordingResource(Resource):
    """What was recorded of a call or a conference."""

    kind: ClassVar[str] = "recording"

    owner_type: str = ""
    owner_id: UUID = NO_UUID
    activeflow_id: UUID = NO_UUID
    reference_type: Literal["call", "confbridge"] = "call"
    reference_id: UUID = NO_UUID
    status: Literal["initiating", "recording", "stopping", "ended"] = "initiating"
    format: Literal["wav", "ogg", "mp3"] = "wav"
    on_end_flow_id: UUID = NO_UUID
    recording_name: str = ""
    filenames: list[str] = Field(default=[])
    tm_start: Stamp | None = None
    tm_end: Stamp | None = None
    # Ours: why it ended (stopped, duration, silence, key, hangup, empty, disk full, media lost, interrupted …), how
    # long it is, and how much of that is silence because the disk was too slow; seconds.
    end_reason: str = ""
    duration: float = 0.0
    lost: float = 0.0

    def links(self) -> Links:
        """Return its run, its agent and what was recorded."""
        return Links(activeflow_id=self.activeflow_id, owner_id=self.owner_id, reference_id=self.reference_id)


class FileResource(Resource):
    """A file in the data folder."""

    kind: ClassVar[str] = "file"

    owner_type: str = ""
    owner_id: UUID = NO_UUID
    reference_type: Literal["", "normal", "recording"] = ""
    reference_id: UUID = NO_UUID
    type: Literal["", "rag", "talk", "recording"] = ""
    name: str = ""
    detail: str = ""
    filename: str = ""
    filesize: int = 0
    uri_download: str = ""
    tm_download_expire: Stamp | None = None

    def links(self) -> Links:
        """Return what it is a file of."""
        return Links(owner_id=self.owner_id, reference_id=self.reference_id)


class StoredFile(FileResource):
    """The same with where it lies, below the data folder."""

    hidden: ClassVar[frozenset[str]] = frozenset({"path"})

    path: str = ""


class StorageAccount(Resource):
    """How much a customer keeps."""

    kind: ClassVar[str] = "storage_account"

    total_file_count: int = 0
    total_file_size: int = 0
