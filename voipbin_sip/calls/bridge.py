"""Bridges: two calls that hear each other, whoever they are at the moment.

A bridge belongs to no flow and to no call. Steps of flows, transfers and calls that replace others seat calls in it
and take them out; when a call ends it leaves by itself. Whoever is left alone goes on with what waits for that, the
`connect` step of its flow, or is hung up.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import permutations
from uuid import UUID

from voipbin_sip.calls.hold import HoldWatch
from voipbin_sip.calls.rooms import Room, Rooms
from voipbin_sip.calls.session import CallSession, nobody_is_left
from voipbin_sip.calls.tones import Tone


class Bridge:
    """Two seats in a room of their own, with music for whoever waits while the other one holds."""

    def __init__(self, room: Room, music: Tone) -> None:
        self._room = room
        self._music = music
        self._watches: list[HoldWatch] = []
        self.kept = False  # somebody is on the way: who is alone meanwhile stays

    @property
    def id(self) -> UUID:
        """Return what the records of its calls name it by."""
        return self._room.id

    @property
    def members(self) -> tuple[CallSession, ...]:
        """Who is in it."""
        return tuple(self._room.members)

    @property
    def changed(self) -> asyncio.Event:
        """Set when the next call enters or leaves."""
        return self._room.changed

    def beside(self, session: CallSession) -> CallSession | None:
        """Return the other one than a call, which may have left already."""
        return next((member for member in self.members if member is not session), None)

    def enter(self, session: CallSession) -> None:
        """Let a call in. Raises WorkerLost."""
        self._room.enter(session)
        self._watch()

    def leave(self, session: CallSession) -> None:
        """Take a call out."""
        self._room.leave(session)
        self._watch()

    def _watch(self) -> None:
        for watch in self._watches:
            watch.end()
        pairs = permutations(self.members, 2) if len(self.members) == 2 else ()
        self._watches = [HoldWatch(self._music, holding, waiting) for holding, waiting in pairs]


class Bridges:
    """All bridges, by the calls in them."""

    def __init__(self, rooms: Rooms, music: Tone) -> None:
        self._rooms = rooms
        self._music = music
        self._of: dict[CallSession, Bridge] = {}
        self._waiting: dict[CallSession, asyncio.Event] = {}

    def of(self, session: CallSession) -> Bridge | None:
        """Return the bridge that a call is in."""
        return self._of.get(session)

    def partner(self, session: CallSession) -> CallSession | None:
        """Return who is in a bridge with a call."""
        bridge = self._of.get(session)
        return bridge.beside(session) if bridge is not None else None

    def connect(self, caller: CallSession, callee: CallSession) -> None:
        """Bridge two calls; `alone(caller)` must be awaited next. Raises WorkerLost."""
        bridge = Bridge(self._rooms.unnamed(shown=True), self._music)
        self._enter(bridge, caller)
        try:
            self._enter(bridge, callee)
        except BaseException:
            self.take_out(caller)
            raise
        self._waiting[caller] = asyncio.Event()
        for session in (caller, callee):
            if session.finished.is_set():  # nothing will tell any more that it is gone
                self.leave(session)

    async def alone(self, caller: CallSession) -> None:
        """Wait until nobody is in a bridge with a caller any more; cancelled, the caller leaves its bridge."""
        try:
            await self._waiting[caller].wait()
        finally:
            del self._waiting[caller]
            self.leave(caller)

    def leave(self, session: CallSession) -> None:
        """Take a call out of its bridge, if it is in one, and let who stays behind go."""
        bridge = self.take_out(session)
        if bridge is not None:
            self._let_go(bridge)

    def take_out(self, session: CallSession) -> Bridge | None:
        """Take a call out of its bridge and return that; nobody is told."""
        bridge = self._of.pop(session, None)
        if bridge is not None:
            session.gone = nobody_is_left
            bridge.leave(session)
        return bridge

    def join(self, bridge: Bridge, session: CallSession) -> None:
        """Let one more call into a bridge. Raises WorkerLost."""
        self._enter(bridge, session)
        if session.finished.is_set():
            self.leave(session)

    def seat(self, bridge: Bridge, new: CallSession, old: CallSession) -> bool:
        """Let a call take another one's place, which may have left already; False if that place is gone.

        Neither the old one nor who the new one leaves is told: the caller of this ends them. Raises WorkerLost;
        nothing has changed then.
        """
        if new in bridge.members or sum(member is not old for member in bridge.members) != 1:
            return False
        before = self.take_out(new)
        try:
            self._enter(bridge, new)
        except BaseException:
            if before is not None:
                self._enter(before, new)
            raise
        if self._of.get(old) is bridge:
            self.take_out(old)
        if new.finished.is_set():
            self.leave(new)
        return True

    def keep(self, bridge: Bridge) -> None:
        """Let who is alone in a bridge stay there until `release`."""
        bridge.kept = True

    def release(self, bridge: Bridge) -> None:
        """Nobody is on the way any more: who is alone in the bridge is let go."""
        bridge.kept = False
        self._let_go(bridge)

    def _enter(self, bridge: Bridge, session: CallSession) -> None:
        bridge.enter(session)
        self._of[session] = bridge
        session.gone = partial(self.leave, session)

    def _let_go(self, bridge: Bridge) -> None:
        """End a bridge in which a call is alone."""
        if bridge.kept or len(bridge.members) != 1:
            return
        (last,) = bridge.members
        self.take_out(last)
        waiting = self._waiting.get(last)
        if waiting is not None:
            waiting.set()
        else:
            last.hang_up("normal")
