"""Rings those whom a call is for, all at once or one after the other, and keeps the groupcall's record of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from voipbin_sip.calls.call import Address, Call, Originator
from voipbin_sip.calls.dialer import DIAL_SECONDS, Dialer, Dialled
from voipbin_sip.calls.groupcall import Groupcall, Groupcalls, GroupStatus, RingMethod
from voipbin_sip.calls.outgoing import OutgoingSession, Target
from voipbin_sip.calls.session import CallSession
from voipbin_sip.sip.events import Progress

Wanted: TypeAlias = tuple[Address, Sequence[Target]]
"""Somebody to call, and the ways to him, which ring together; none where he cannot be reached."""

SINGLE = frozenset({"tel", "sip"})  # types of destinations of which one alone makes no groupcall


class Ringing:
    """The means of ringing."""

    def __init__(self, dialer: Dialer, groupcalls: Groupcalls) -> None:
        self._dialer = dialer
        self._groupcalls = groupcalls

    async def ring_all(
        self,
        targets: Sequence[Target],
        originator: Originator,
        destination: Address,
        *,
        beside: CallSession | None = None,
        master: Call | None = None,
        seconds: float = DIAL_SECONDS,
        rang: Callable[[OutgoingSession, Progress], None] | None = None,
    ) -> Dialled:
        """Ring one destination by all ways to it; otherwise as `ring`."""
        wanted = [(destination, targets)]
        return await self.ring(wanted, originator, beside=beside, master=master, seconds=seconds, rang=rang)

    async def ring(
        self,
        wanted: Sequence[Wanted],
        originator: Originator,
        *,
        linear: bool = False,
        beside: CallSession | None = None,
        master: Call | None = None,
        group: Groupcall | None = None,
        seconds: float = DIAL_SECONDS,
        rang: Callable[[OutgoingSession, Progress], None] | None = None,
        placed: Callable[[OutgoingSession], None] | None = None,
        pick_up: bool = False,
    ) -> Dialled:
        """Ring until one answers; the others are cancelled. Cancelling this cancels all.

        Args:
            linear: one destination after the other, `seconds` for each.
            beside: a call that they will share their sound with, and are placed for unless `master` is another one.
            group: the groupcall that keeps the record, where it was begun before.
            placed: is told each call before anything is sent.
            pick_up: others may take the call while it rings; see Dialled.callee.
        """
        master = beside.call if master is None and beside is not None else master
        if group is None:
            group = self._group(wanted, originator, master, linear)
        dialled = Dialled(None, "unreachable", 480, "nobody can be reached")
        try:
            for index, callees in enumerate(_rounds(wanted, linear)):
                if group is not None:
                    group.dial_index = index
                    if group.status is not GroupStatus.PROGRESSING:
                        break
                if callees:
                    dialled = await self._dialer.ring_all(
                        callees,
                        originator,
                        beside=beside,
                        master=master,
                        seconds=seconds,
                        rang=rang,
                        placed=partial(self._placed, group, placed),
                        pick_up=pick_up,
                    )
                if dialled.callee is not None:
                    if group is not None:
                        self._groupcalls.answered(group, dialled.callee)
                    break
            return dialled
        finally:
            if group is not None:
                self._groupcalls.settle(group)

    def _placed(
        self,
        group: Groupcall | None,
        placed: Callable[[OutgoingSession], None] | None,
        session: OutgoingSession,
    ) -> None:
        if group is not None:
            self._groupcalls.add(group, session)
        if placed is not None:
            placed(session)

    def _group(
        self, wanted: Sequence[Wanted], originator: Originator, master: Call | None, linear: bool
    ) -> Groupcall | None:
        destinations = [destination for destination, _ in wanted]
        if len(destinations) == 1 and destinations[0].type in SINGLE:
            return None
        return self._groupcalls.begin(
            originator.address,
            destinations,
            ring_method=RingMethod.LINEAR if linear else RingMethod.RING_ALL,
            master=master,
        )


def _rounds(wanted: Sequence[Wanted], linear: bool) -> list[list[tuple[Address, Target]]]:
    """Return who rings together, one round after the other."""
    rounds = [[(destination, target) for target in targets] for destination, targets in wanted]
    return rounds if linear else [[callee for callees in rounds for callee in callees]]
