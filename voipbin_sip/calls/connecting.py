"""Connects a caller with somebody: rings, answers, bridges, and takes the bridge down.

The caller hears its own phone's ringing (180) or, once answered, a ringing tone of ours; with early media it hears
what the called side sends before it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from media.client import Clip, MediaClient, Playout
from media.tones import ringback
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.dialer import Dialer, Dialled
from voipbin_sip.calls.hold import HoldMusic
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.rooms import Room, Rooms
from voipbin_sip.calls.states import Status
from voipbin_sip.sip.events import Progress


class Connecting:
    """The means of connecting calls."""

    def __init__(self, media: MediaClient, dialer: Dialer, destinations: Destinations, rooms: Rooms) -> None:
        self._media = media
        self._dialer = dialer
        self._destinations = destinations
        self._rooms = rooms
        self._music = HoldMusic(media)
        self._tones: dict[int, Clip] = {}

    async def connect(
        self,
        caller: IncomingSession,
        originator: Originator,
        destinations: Sequence[Address],
        *,
        linear: bool,
        seconds: float,
        early_media: bool,
        answered: Callable[[str], None],
    ) -> Dialled:
        """Ring the destinations, bridge the caller with the first that answers, return when that is over."""
        room = self._rooms.unnamed()
        ringing = _Ringing(caller, room, self._tone, early_media=early_media)
        try:
            dialled = await self._ring(caller, originator, destinations, linear, seconds, ringing)
            if dialled.session is None:
                return dialled
            callee = dialled.session
            try:
                answered(str(callee.call.id))
                caller.answer()
                await caller.media_ready()
                ringing.stop()
                for session in (caller, callee):
                    if session not in room.members:
                        room.enter(session)
                with self._music.between(caller, callee):
                    await callee.finished.wait()
                return dialled
            finally:
                callee.hang_up("normal")
                room.leave(callee)
        finally:
            ringing.stop()
            room.leave(caller)

    async def _ring(
        self,
        caller: IncomingSession,
        originator: Originator,
        destinations: Sequence[Address],
        linear: bool,
        seconds: float,
        ringing: _Ringing,
    ) -> Dialled:
        groups: list[list[Target]] = []
        failure = Dialled(None, "unreachable", 480, "nobody can be reached")
        for destination in destinations:
            try:
                groups.append(await self._destinations.targets(destination))
            except NotReachable as error:
                failure = Dialled(None, error.result, 403 if error.result == "refused" else 480, str(error))
                caller.log.warning("destination not called", why=str(error))
        if not linear:
            groups = [[target for group in groups for target in group]] if groups else []
        for group in groups:
            dialled = await self._dialer.ring_all(
                group, originator, destinations[0], beside=caller, seconds=seconds, rang=ringing.rang
            )
            if dialled.session is not None:
                return dialled
            failure = dialled
        return failure

    def _tone(self, rate: int) -> Clip:
        if rate not in self._tones:
            self._tones[rate] = self._media.add_clip(ringback(rate), rate)
        return self._tones[rate]


class _Ringing:
    """What a caller hears until somebody answers."""

    def __init__(
        self, caller: IncomingSession, room: Room, tone: Callable[[int], Clip], *, early_media: bool
    ) -> None:
        self._caller = caller
        self._room = room
        self._tone = tone
        self._early_media = early_media
        self._playout: Playout | None = None

    def rang(self, session: OutgoingSession, event: Progress) -> None:
        """Somebody's phone rings."""
        caller = self._caller
        if self._early_media and event.sdp is not None and not self._room.members:
            self.stop()
            caller.progress()
            self._room.enter(caller)
            self._room.enter(session)
        elif caller.call.status is Status.RINGING:
            caller.ring()
        elif self._playout is None and not self._room.members and caller.sound is not None:
            sound = caller.sound
            self._playout = sound.leg.play([self._tone(sound.rate)], loop=True)

    def stop(self) -> None:
        """End the tone."""
        if self._playout is not None:
            self._playout.stop()
            self._playout = None
