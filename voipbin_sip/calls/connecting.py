"""Connects a caller with somebody: rings, answers, bridges, and waits until the caller is alone again.

The caller hears its own phone's ringing (180) or, once answered, a ringing tone of ours; with early media it hears
what the called side sends before it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from media.client import Playout
from voipbin_sip.calls.bridge import Bridges
from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.ringing import Ringing, Wanted
from voipbin_sip.calls.rooms import Room, Rooms
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.calls.tones import Tone
from voipbin_sip.sip.events import Progress


class Connecting:
    """The means of connecting calls."""

    def __init__(
        self, ringing: Ringing, destinations: Destinations, rooms: Rooms, bridges: Bridges, ringback: Tone
    ) -> None:
        self._ringing = ringing
        self._destinations = destinations
        self._rooms = rooms
        self._bridges = bridges
        self._ringback = ringback

    async def connect(
        self,
        caller: CallSession,
        originator: Originator,
        destinations: Sequence[Address],
        *,
        linear: bool,
        seconds: float,
        early_media: bool,
        answered: Callable[[str], None],
    ) -> Dialled:
        """Ring the destinations, bridge the caller with the first that answers, return when it is alone again."""
        heard = _Heard(caller, self._rooms.unnamed(), self._ringback, early_media=early_media)
        try:
            dialled = await self._ring(caller, originator, destinations, linear, seconds, heard)
            callee = dialled.callee
            if callee is None:
                return dialled
            try:
                answered(str(callee.call.id))
                caller.answer()
                await caller.media_ready()
                heard.stop()
                self._bridges.connect(caller, callee)
            except BaseException:
                callee.hang_up("normal")
                raise
        finally:
            heard.stop()
        await self._bridges.alone(caller)
        return dialled

    async def _ring(
        self,
        caller: CallSession,
        originator: Originator,
        destinations: Sequence[Address],
        linear: bool,
        seconds: float,
        heard: _Heard,
    ) -> Dialled:
        wanted: list[Wanted] = []
        failure = Dialled(None, "unreachable", 480, "nobody can be reached")
        for destination in destinations:
            targets: list[Target] = []
            try:
                targets = await self._destinations.targets(destination, originator)
            except NotReachable as error:
                failure = Dialled(None, error.result, error.status, str(error))
                caller.log.warning("destination not called", why=str(error))
            wanted.append((destination, targets))
        if not any(targets for _, targets in wanted):
            return failure
        return await self._ringing.ring(
            wanted,
            originator,
            linear=linear,
            beside=caller,
            seconds=seconds,
            rang=heard.rang,
            pick_up=True,
        )


class _Heard:
    """What a caller hears until somebody answers."""

    def __init__(self, caller: CallSession, room: Room, tone: Tone, *, early_media: bool) -> None:
        self._caller = caller
        self._room = room  # for early media
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
        elif self._playout is None and not self._room.members:
            self._playout = self._tone.play(caller)

    def stop(self) -> None:
        """End the tone and the early media."""
        if self._playout is not None:
            self._playout.stop()
            self._playout = None
        for session in list(self._room.members):
            self._room.leave(session)
