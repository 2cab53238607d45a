"""Rooms that calls share: bridges of two and conferences. Who is in which, and when one is over."""

from __future__ import annotations

import asyncio

from media.client import MediaClient
from media.client import Room as MediaRoom
from voipbin_sip.calls.session import CallSession


class Room:
    """Calls that hear each other."""

    def __init__(self, name: str, media: MediaRoom) -> None:
        self.name = name
        self.members: list[CallSession] = []
        self._media = media
        self.changed = asyncio.Event()

    def enter(self, session: CallSession) -> None:
        """Let a call with sound hear the others and be heard."""
        if session.sound is not None:
            session.sound.leg.join(self._media)
        self.members.append(session)
        self._tell()

    def leave(self, session: CallSession) -> None:
        """Take a call out, if it is in."""
        if session in self.members:
            self.members.remove(session)
            if session.sound is not None and session.sound.leg.room is self._media:
                session.sound.leg.leave()
            self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Rooms:
    """All rooms that have a name; one exists as long as somebody is in it."""

    def __init__(self, media: MediaClient) -> None:
        self._media = media
        self._named: dict[str, Room] = {}

    def unnamed(self) -> Room:
        """Return a new room for two calls that are being connected."""
        return Room("", self._media.room())

    def enter(self, name: str, session: CallSession) -> Room:
        """Put a call into the room with this name."""
        room = self._named.get(name)
        if room is None:
            room = self._named[name] = Room(name, self._media.room())
        room.enter(session)
        return room

    def of(self, session: CallSession) -> Room | None:
        """Return the room with a name that a call is in."""
        return next((room for room in self._named.values() if session in room.members), None)

    def put_out(self, session: CallSession) -> bool:
        """Put a call out of its room, whose flow then goes on; False if it is in none."""
        room = self.of(session)
        if room is not None:
            self.leave(room, session)
        return room is not None

    def leave(self, room: Room, session: CallSession) -> None:
        """Take a call out of its room; an empty one is gone."""
        room.leave(session)
        if not room.members and self._named.get(room.name) is room:
            del self._named[room.name]
