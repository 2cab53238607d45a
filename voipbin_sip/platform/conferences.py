"""Conferences that go on: who is in them, who is put out, when they end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.rooms import Room, Rooms
from voipbin_sip.calls.session import CallSession
from voipbin_sip.platform.call_records import CallRecords
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.refused import WrongState
from voipbin_sip.resources.base import NO_UUID
from voipbin_sip.resources.catalogue import Catalogue, Declared, NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.conference import ConferencecallResource, ConferenceResource
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.store.store import StoreUnavailable

PREFIX = "conference:"  # of the names of their rooms
TICK = 1.0  # seconds between two looks at the time-outs


class Conferences:
    """Watches rooms for their conferences."""

    def __init__(
        self,
        ledger: Ledger,
        history: History,
        catalogue: Catalogue,
        book: DirectoryBook,
        rooms: Rooms,
        live: LiveCalls,
        calls: CallRecords,
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._catalogue = catalogue
        self._book = book
        self._rooms = rooms
        self._live = live
        self._calls = calls
        self._members: dict[tuple[UUID, UUID], ConferencecallResource] = {}  # by room and call
        self._ends: dict[UUID, datetime] = {}  # of those that have a time-out
        self._watching: asyncio.Task[None] | None = None
        rooms.listeners.append(self._told)
        catalogue.watch(ConferenceResource, self._changed)

    def start(self) -> None:
        """Begin to end conferences whose time is over."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """Stop that."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def shown(self, conference: ConferenceResource) -> ConferenceResource:
        """Return a conference with who is in it now."""
        ids = [member.id for member in self._members.values() if member.conference_id == conference.id]
        return conference.changed(conferencecall_ids=ids) if ids else conference

    async def end_those_over(self, now: datetime) -> None:
        """End conferences whose time-out has come."""
        for id_ in [id_ for id_, end in self._ends.items() if end <= now]:
            with suppress(Declared, NotFound, StoreUnavailable):
                await self._catalogue.delete(
                    ConferenceResource, id_, "conference_deleted", status="terminated", tm_end=now
                )

    async def kick(self, id_: UUID) -> ConferencecallResource:
        """Put a call out of its conference; its flow goes on. Raises NotFound, WrongState, StoreUnavailable."""
        record = await self._history.get(ConferencecallResource, id_)
        session = self._live.get(record.reference_id)
        if id_ not in {member.id for member in self._members.values()} or session is None:
            raise WrongState("the call has left the conference")
        self._rooms.put_out(session)
        return await self._history.get(ConferencecallResource, id_)

    def _told(self, room: Room, session: CallSession, entered: bool) -> None:
        conference = self._of(room)
        if conference is None:
            return
        key = room.id, session.call.id
        if entered:
            call = self._calls.get(session.call.id)
            record = ConferencecallResource(
                customer_id=conference.customer_id,
                conference_id=conference.id,
                reference_id=session.call.id,
                status="joined",
                activeflow_id=call.activeflow_id if call is not None else NO_UUID,
            )
            self._members[key] = self._history.begin(
                record, "conferencecall_joining", "conferencecall_joined"
            )
            self._tell(conference, self._members[key], "participant_joined")
        elif (member := self._members.pop(key, None)) is not None:
            member = self._history.put(
                member.changed(status="leaved"), "conferencecall_leaving", "conferencecall_leaved"
            )
            self._tell(conference, member, "participant_left")
            if conference.type == "connect" and len(room.members) == 1:  # it closes with the last but one
                asyncio.get_running_loop().call_soon(self._rooms.put_out, room.members[0])

    def _tell(self, conference: ConferenceResource, member: ConferencecallResource, type_: str) -> None:
        self._ledger.note(member, type_, member.public(), kind="conference")
        now = self.shown(conference)
        self._ledger.note(now, "conference_updated", now.public())

    def _of(self, room: Room) -> ConferenceResource | None:
        """Return the conference of a room, also one that was deleted while calls are in it."""
        if not room.name.startswith(PREFIX):
            return None
        name = room.name.removeprefix(PREFIX)
        with suppress(NotFound, ValueError):
            return self._catalogue.get(ConferenceResource, UUID(name))
        declared = (c for c in self._catalogue.all(ConferenceResource) if self._book.key(c.id) == name)
        return next(declared, None)

    def _changed(self) -> None:
        """Put everybody out of conferences that are no more, and note when others end."""
        for room in self._rooms:
            conference = self._of(room)
            if conference is not None and conference.tm_delete is not None:
                for session in [*room.members]:
                    self._rooms.leave(room, session)
        self._ends = {
            conference.id: conference.tm_create + timedelta(seconds=conference.timeout)
            for conference in self._catalogue.all(ConferenceResource)
            if conference.timeout and conference.tm_create is not None
        }

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            await self.end_those_over(datetime.now(UTC))
