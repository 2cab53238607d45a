"""Recordings as resources: kept up to date while they go on, begun and stopped by the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import select

from voipbin_sip.calls.rooms import Room, Rooms
from voipbin_sip.calls.session import CallSession
from voipbin_sip.flowhost import FlowHost
from voipbin_sip.flowhost.address import NOBODY
from voipbin_sip.flowhost.recording import RecordingSteps
from voipbin_sip.platform.call_records import CallRecords
from voipbin_sip.platform.calls import CallControl
from voipbin_sip.platform.conferences import PREFIX, Conferences
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.flow_book import FlowBook
from voipbin_sip.platform.refused import WrongState
from voipbin_sip.platform.shelf import Shelf
from voipbin_sip.recordings.recorder import INTERRUPTED, Recordings
from voipbin_sip.recordings.terms import NotRecorded, RecordingFile, Terms
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import Catalogue, NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.resources.kinds.recording import RecordingResource
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import stamp_text
from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import resources

if TYPE_CHECKING:
    from flows import Flow

EMPTY = "empty"  # everybody has left the conference
MANY = 1000  # recordings of one call or conference that are listed with it


class RecordingControl:
    """Watches recordings (recordings.RecordingWatcher), and does with them what the API asks."""

    def __init__(
        self,
        recordings: Recordings,
        steps: RecordingSteps,
        shelf: Shelf,
        ledger: Ledger,
        history: History,
        catalogue: Catalogue,
        book: DirectoryBook,
        flows: FlowBook,
        host: FlowHost,
        rooms: Rooms,
        calls: CallControl,
        records: CallRecords,
        conferences: Conferences,
    ) -> None:
        self._recordings = recordings
        self._steps = steps
        self._shelf = shelf
        self._ledger = ledger
        self._history = history
        self._catalogue = catalogue
        self._book = book
        self._flows = flows
        self._host = host
        self._rooms = rooms
        self._calls = calls
        self._records = records
        self._conferences = conferences
        self._live: dict[UUID, RecordingResource] = {}
        self._rooms_recorded: dict[UUID, UUID] = {}  # conference by room
        self._of_conference: dict[UUID, list[UUID]] = {}  # recordings, since the start
        recordings.watchers.append(self)
        rooms.listeners.append(self._moved)

    # What the API asks

    async def start_call(self, id_: UUID, terms: Terms, on_end_flow_id: UUID) -> CallResource:
        """Begin to record a call. Raises NotFound, WrongState, StoreUnavailable."""
        session = await self._calls.session(id_)
        on_end = self._flow(on_end_flow_id)
        live = next((live for live in self._host.runs if live.call is session.call), None)
        origin = self._steps.origin(
            live.id if live is not None else NO_UUID,
            on_end,
            session.call.originator(),
            (lambda: dict(live.run.variables)) if live is not None else session.call.variables,
        )
        try:
            await self._recordings.record_call(session, terms, origin)
        except NotRecorded as error:
            raise WrongState(str(error)) from error
        return await self._history.get(CallResource, id_)

    async def stop_call(self, id_: UUID) -> CallResource:
        """End the recording of a call. Raises NotFound, WrongState, StoreUnavailable."""
        await self._calls.session(id_)
        if self._recordings.stop(id_) is None:
            raise WrongState("the call is not being recorded")
        return await self._history.get(CallResource, id_)

    async def start_conference(self, id_: UUID, terms: Terms, on_end_flow_id: UUID) -> ConferenceResource:
        """Begin to record a conference, until everybody has left. Raises NotFound, WrongState."""
        conference = self._conference(id_)
        origin = self._steps.origin(NO_UUID, self._flow(on_end_flow_id), NOBODY, dict)

        def room() -> Room | None:
            found = (self._rooms.named(PREFIX + name) for name in (self._book.key(id_), str(id_)))
            return next((room for room in found if room is not None), None)

        now = room()
        if now is None:
            raise WrongState("nobody is in the conference")
        self._rooms_recorded[now.id] = id_
        try:
            await self._recordings.record_room(lambda: now.media, id_, terms, origin)
        except NotRecorded as error:
            if self._recordings.of(id_) is None:
                self._rooms_recorded.pop(now.id, None)
            raise WrongState(str(error)) from error
        return self.shown(conference)

    def stop_conference(self, id_: UUID) -> ConferenceResource:
        """End the recording of a conference. Raises NotFound, WrongState."""
        conference = self._conference(id_)
        if self._recordings.stop(id_) is None:
            raise WrongState("the conference is not being recorded")
        return self.shown(conference)

    def shown(self, conference: ConferenceResource) -> ConferenceResource:
        """Return a conference with who is in it and what records it."""
        shown = self._conferences.shown(conference)
        ids = self._of_conference.get(conference.id)
        if ids is None:
            return shown
        now = self._recordings.of(conference.id)
        return shown.changed(recording_id=now.id if now is not None else NO_UUID, recording_ids=[*ids])

    # What recordings tell

    def recording_changed(self, file: RecordingFile) -> None:
        """Take a recording that has begun, is being stopped, or is over."""
        if file.status == "recording":
            self._live[file.id] = self._history.begin(self._resource(file), "recording_started")
            self._note(file, file.id)
            return
        record = self._live.get(file.id)
        if record is None:
            return  # of the last run of the server: `recover`
        if file.status != "ended":
            self._live[file.id] = self._history.put(record.changed(status=file.status))
            return
        del self._live[file.id]
        self._shelf.enter(file)
        self._history.put(record.changed(**_end(file)), "recording_finished")
        self._note(file, NO_UUID)

    def _note(self, file: RecordingFile, recording_id: UUID) -> None:
        """Write down with the call or conference what records it now, and what has."""
        if file.reference_type != "call":
            ids = self._of_conference.setdefault(file.reference_id, [])
            if recording_id.int:
                ids.append(file.id)
                del ids[:-MANY]
            now = self.shown(self._catalogue.get(ConferenceResource, file.reference_id))
            now = now.changed(recording_id=recording_id)
            self._ledger.note(now, "conference_updated", now.public())
            return
        record = self._records.get(file.reference_id)
        if record is not None:
            ids = [*(id_ for id_ in record.recording_ids if id_ != file.id), file.id][-MANY:]
            self._records.change(record.id, recording_id=recording_id, recording_ids=ids)

    def _moved(self, room: Room, session: CallSession, entered: bool) -> None:
        """End the recording of a conference that everybody has left."""
        if not entered and not room.members and room.id in self._rooms_recorded:
            self._recordings.stop(self._rooms_recorded.pop(room.id), EMPTY)

    # What the last run of the server has left

    async def recover(self, store: Store, before: datetime) -> None:
        """Close the recordings that began before a time and were cut off. Raises StoreUnavailable."""
        for file in await self._recordings.recover():
            try:
                record = await self._history.get(RecordingResource, file.id)
            except NotFound:  # it had not come to the database
                record = self._resource(file).changed(tm_create=file.began)
            if record.tm_delete is None and record.status != "ended":
                self._shelf.enter(file)
                self._history.put(record.changed(**_end(file)), "recording_finished")
        query = select(resources).where(
            resources.c.kind == RecordingResource.kind,
            resources.c.tm_create < stamp_text(before),
            resources.c.tm_delete == "",
            resources.c.body.not_like('%"status":"ended"%'),
        )
        for row in await store.fetch(query):
            record = RecordingResource.model_validate_json(row["body"])
            waiting = await self._history.get(RecordingResource, record.id)
            if record.id not in self._live and waiting.status != "ended":
                fields = {"status": "ended", "end_reason": INTERRUPTED, "tm_end": before}
                self._history.put(waiting.changed(**fields), "recording_finished")
                of = {"call": str(record.reference_id)} if record.reference_type == "call" else {}
                structlog.get_logger("recording").warning("recording closed", recording=str(record.id), **of)

    def _resource(self, file: RecordingFile) -> RecordingResource:
        call = self._records.get(file.reference_id) if file.reference_type == "call" else None
        return RecordingResource(
            id=file.id,
            owner_type=call.owner_type if call is not None else "",
            owner_id=call.owner_id if call is not None else NO_UUID,
            activeflow_id=file.activeflow_id,
            reference_type=file.reference_type,
            reference_id=file.reference_id,
            status=file.status,
            format=file.format,
            on_end_flow_id=file.on_end_flow_id,
            recording_name=file.name,
            filenames=[file.filename],
            tm_start=file.began,
        )

    def _conference(self, id_: UUID) -> ConferenceResource:
        conference = self._catalogue.get(ConferenceResource, id_)
        if conference.tm_delete is not None:
            raise NotFound("conference", id_)
        return conference

    def _flow(self, flow_id: UUID) -> Flow | None:
        if not flow_id.int:
            return None
        flow = self._flows.find(flow_id)
        if flow is None:
            raise NotFound("flow", flow_id)
        return flow


def _end(file: RecordingFile) -> dict[str, object]:
    """Return what is new of a recording that is over."""
    return {
        "status": "ended",
        "format": file.format,  # WAV still, where it could not be coded
        "filenames": [file.filename],
        "tm_end": file.ended,
        "end_reason": file.reason,
        "duration": round(file.seconds, 3),
        "lost": file.lost,
    }
