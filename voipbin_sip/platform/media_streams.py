"""Media streams for the API: a tap on the live call or conference with an id."""

from __future__ import annotations

from uuid import UUID

from media.client import TapEnd
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.platform.calls import CallControl
from voipbin_sip.platform.conferences import PREFIX
from voipbin_sip.platform.directory_book import DirectoryBook
from voipbin_sip.platform.refused import WrongState
from voipbin_sip.resources.catalogue import Catalogue, NotFound
from voipbin_sip.resources.kinds.conference import ConferenceResource
from voipbin_sip.streams.streams import StreamRefused, Streams


class MediaStreams:
    """Opens them. All of it raises NotFound, WrongState and StoreUnavailable."""

    def __init__(
        self, streams: Streams, calls: CallControl, catalogue: Catalogue, book: DirectoryBook, rooms: Rooms
    ) -> None:
        self._streams = streams
        self._calls = calls
        self._catalogue = catalogue
        self._book = book
        self._rooms = rooms

    async def of_call(self, id_: UUID, *, listen: str = "both", speak: str = "both") -> TapEnd:
        """Tap a call at 8 kHz."""
        session = await self._calls.session(id_)
        try:
            return self._streams.tap(session, listen=listen, speak=speak)
        except StreamRefused as refused:
            raise WrongState(str(refused)) from refused

    def of_conference(self, id_: UUID) -> TapEnd:
        """Tap a conference at 8 kHz."""
        conference = self._catalogue.get(ConferenceResource, id_)
        if conference.tm_delete is not None:
            raise NotFound("conference", id_)
        names = (self._book.key(conference.id), str(conference.id))
        room = next((room for name in names if (room := self._rooms.named(PREFIX + name)) is not None), None)
        if room is None:
            raise WrongState("nobody is in the conference")
        try:
            return self._streams.tap_room(room)
        except StreamRefused as refused:
            raise WrongState(str(refused)) from refused
