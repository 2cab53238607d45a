"""Transfers that are asked for from outside, not by a phone: somebody is called and takes a call's place in its bridge.

Blind: the one who transfers is hung up at once, and the one who stays hears ringing. Attended: who stays hears music
and is not heard while the other two talk, until one of them hangs up (VoIPBIN's rules).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from media.client import Playout, WorkerLost
from voipbin_sip.calls.background import Background, Wish
from voipbin_sip.calls.bridge import Bridge, Bridges
from voipbin_sip.calls.call import Address
from voipbin_sip.calls.destinations import Destinations, NotReachable
from voipbin_sip.calls.dialer import Dialled
from voipbin_sip.calls.groupcall import Groupcall, Groupcalls
from voipbin_sip.calls.outgoing import OutgoingSession
from voipbin_sip.calls.referral import referral
from voipbin_sip.calls.ringing import Ringing, Wanted
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.calls.tones import Tone


class NotPossible(Exception):  # noqa: N818 - reads as what happened
    """Nothing can be transferred now; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """A transfer that has begun."""

    bridge_id: UUID
    group: Groupcall  # of the calls to those who are to take the place


@dataclass(slots=True, eq=False)
class _Seats:
    """Who is in a transfer."""

    bridge: Bridge
    goes: CallSession
    stays: CallSession
    tone: Playout | None = None


class Handover:
    """Carries them out. `answered` of `begin` is told who has answered."""

    def __init__(
        self,
        bridges: Bridges,
        groupcalls: Groupcalls,
        ringing: Ringing,
        destinations: Destinations,
        background: Background,
        ringback: Tone,
    ) -> None:
        self._bridges = bridges
        self._groupcalls = groupcalls
        self._ringing = ringing
        self._destinations = destinations
        self._background = background
        self._ringback = ringback
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(
        self,
        goes: CallSession,
        to: Sequence[Address],
        *,
        attended: bool,
        answered: Callable[[UUID], None],
    ) -> Begun:
        """Begin a transfer by `goes`. Raises NotPossible; nothing has changed then."""
        seats = self._seats(goes)
        originator = referral(seats.stays.call, goes.call)
        wanted: list[Wanted] = []
        problems = []
        for address in to:
            try:
                wanted.append((address, await self._destinations.targets(address, originator)))
            except NotReachable as error:
                problems.append(str(error))
        if not wanted:
            raise NotPossible("; ".join(problems) or "nobody is named to transfer to")
        if self._seats(goes).bridge is not seats.bridge:  # something has happened meanwhile
            raise NotPossible("the call is not where it was any more")
        group = self._groupcalls.begin(originator.address, to, master=goes.call)
        ringing = self._ringing.ring(
            wanted,
            originator,
            beside=seats.stays,
            master=goes.call,
            group=group,
            rang=lambda _session, _event: self._rang(seats, attended),
        )
        work = self._attended(seats, ringing, answered) if attended else self._blind(seats, ringing, answered)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, goes))
        return Begun(seats.bridge.id, group)

    async def close(self) -> None:
        """Stop all that ring."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, goes: CallSession, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            goes.log.error("a transfer broke", exc_info=fault)

    def _seats(self, goes: CallSession) -> _Seats:
        bridge, stays = self._bridges.of(goes), self._bridges.partner(goes)
        if bridge is None or stays is None or goes.call.status is not Status.PROGRESSING:
            raise NotPossible("the call is in no bridge with another one")
        if bridge.kept or len(bridge.members) != 2:
            raise NotPossible("another transfer is under way")
        return _Seats(bridge, goes, stays)

    def _rang(self, seats: _Seats, attended: bool) -> None:
        if seats.tone is None:
            seats.tone = self._ringback.play(seats.goes if attended else seats.stays, urgent=True)

    async def _blind(
        self, seats: _Seats, ringing: Coroutine[object, object, Dialled], answered: Callable[[UUID], None]
    ) -> None:
        self._bridges.keep(seats.bridge)
        seats.goes.hang_up("normal", "transferred")
        try:
            target = await self._ring(seats, ringing, attended=False)
            if target is None:
                return
            answered(target.call.id)
            seated = False
            try:
                seated = self._bridges.seat(seats.bridge, target, seats.goes)
            finally:
                if not seated:
                    target.hang_up("normal")
        except WorkerLost as error:
            seats.stays.log.error("transfer broke", why=str(error))
        finally:
            self._stop_tone(seats)
            self._bridges.release(seats.bridge)

    async def _attended(
        self, seats: _Seats, ringing: Coroutine[object, object, Dialled], answered: Callable[[UUID], None]
    ) -> None:
        bridge, stays = seats.bridge, seats.stays
        before = stays.call.mute_direction
        stays.mute("both" if before in ("out", "both") else "in")
        self._background.wish(stays, Wish.TRANSFER, on=True)
        try:
            target = await self._ring(seats, ringing, attended=True)
            self._stop_tone(seats)
            if target is None:
                return
            answered(target.call.id)
            try:
                self._bridges.join(bridge, target)
            except WorkerLost:
                target.hang_up("normal")
                raise
            # Until one of the three has gone.
            while {seats.goes, stays, target} <= set(bridge.members):
                await bridge.changed.wait()
        except WorkerLost as error:
            stays.log.error("transfer broke", why=str(error))
        finally:
            self._stop_tone(seats)
            self._background.wish(stays, Wish.TRANSFER, on=False)
            stays.mute(before)

    async def _ring(
        self, seats: _Seats, ringing: Coroutine[object, object, Dialled], *, attended: bool
    ) -> OutgoingSession | None:
        """Return who has answered; None where nobody did, or nobody waits any more."""
        work = asyncio.ensure_future(ringing)
        needed = {seats.stays, seats.goes} if attended else {seats.stays}
        try:
            while not work.done():
                if not needed <= set(seats.bridge.members):
                    return None
                changed = asyncio.ensure_future(seats.bridge.changed.wait())
                await asyncio.wait((work, changed), return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
            return work.result().session
        finally:
            work.cancel()

    def _stop_tone(self, seats: _Seats) -> None:
        if seats.tone is not None:
            seats.tone.stop()
            seats.tone = None
