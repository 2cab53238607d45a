"""Rooms that calls share: bridges of two and conferences. Who is in which, and when one is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeAlias
from uuid import UUID, uuid4

from media.client import MediaClient
from media.client import Room as MediaRoom
from voipbin_sip.calls.call import Change
from voipbin_sip.calls.session import CallSession

Listener: TypeAlias = "Callable[[Room, CallSession, bool], None]"
"""Is told of a room and a call that has entered it (True) or left it (False); must not wait or raise."""


class Room:
    """Calls that hear each other. What tells nobody (`told` None) is no place of theirs, only their sound."""

    def __init__(self, name: str, media: MediaRoom, told: Listener | None = None) -> None:
        self.id: UUID = uuid4()
        self.name = name
        self.members: list[CallSession] = []
        self.media = media
        self._told = told
        self.changed = asyncio.Event()

    def enter(self, session: CallSession) -> None:
        """Let a call with sound hear the others and be heard."""
        if session.sound is not None:
            session.sound.leg.join(self.media)
        self.members.append(session)
        if self._told is not None:
            session.call.confbridge_id = self.id
            self._told(self, session, True)
        self._tell()

    def leave(self, session: CallSession) -> None:
        """Take a call out, if it is in."""
        if session in self.members:
            self.members.remove(session)
            if session.sound is not None and session.sound.leg.room is self.media:
                session.sound.leg.leave()
            if self._told is not None:
                if session.call.confbridge_id == self.id:
                    session.call.confbridge_id = None
                self._told(self, session, False)
            self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Rooms:
    """All rooms that have a name; one exists as long as somebody is in it.

    `listeners` are told who enters and leaves rooms and bridges.
    """

    def __init__(self, media: MediaClient) -> None:
        self.listeners: list[Listener] = []
        self._media = media
        self._named: dict[str, Room] = {}

    def unnamed(self, *, shown: bool = False) -> Room:
        """Return a new room for two calls: their bridge (`shown`), or what they hear before there is one."""
        return Room("", self._media.room(), self._told if shown else None)

    def enter(self, name: str, session: CallSession) -> Room:
        """Put a call into the room with this name."""
        room = self._named.get(name)
        if room is None:
            room = self._named[name] = Room(name, self._media.room(), self._told)
        room.enter(session)
        return room

    def named(self, name: str) -> Room | None:
        """Return the room with a name, None where nobody is in it."""
        return self._named.get(name)

    def __iter__(self) -> Iterator[Room]:
        return iter([*self._named.values()])

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

    def _told(self, room: Room, session: CallSession, entered: bool) -> None:
        session.call.tell(Change.PLACE)
        for listener in self.listeners:
            listener(room, session, entered)
