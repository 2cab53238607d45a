"""One call takes another one's place, in its bridge or in its room: attended transfers, INVITE with Replaces."""

from __future__ import annotations

from collections.abc import Callable

from media.client import WorkerLost
from voipbin_sip.calls.bridge import Bridges
from voipbin_sip.calls.incoming import IncomingSession
from voipbin_sip.calls.outgoing import OutgoingSession
from voipbin_sip.calls.rooms import Rooms
from voipbin_sip.calls.session import CallSession


class Places:
    """Where calls sit.

    Args:
        session: gives the call of a leg.
        enter_room: lets a call sit in a room from now on, whatever it did before.
    """

    def __init__(
        self,
        bridges: Bridges,
        rooms: Rooms,
        *,
        session: Callable[[str], CallSession | None],
        enter_room: Callable[[CallSession, str], None],
    ) -> None:
        self._bridges = bridges
        self._rooms = rooms
        self._session = session
        self._enter_room = enter_room

    def in_room(self, session: CallSession) -> bool:
        """Return whether a call sits in a room of several."""
        return self._rooms.of(session) is not None

    def take(self, new: CallSession, old: CallSession) -> bool:
        """Let a call take another one's place; False if that has none.

        Who is in a bridge with the new one until now, and the old one itself, are not told: the caller of this ends
        them. Raises WorkerLost; nothing has changed then.
        """
        bridge = self._bridges.of(old)
        if bridge is not None:
            return self._bridges.seat(bridge, new, old)
        room = self._rooms.of(old)
        if room is None:
            return False
        self._bridges.take_out(new)
        self._enter_room(new, room.name)
        return True

    def take_over(self, session: IncomingSession, leg: str) -> None:
        """Answer a call that is to replace the one of a leg, and end that (RFC 3891 section 3).

        A phone that we call and that still rings can be replaced too: the call is picked up from it.
        """
        old = self._session(leg)
        if isinstance(old, OutgoingSession) and old.pick_up(session):
            session.answer()
            session.log.info("picks up", replaced=str(old.call.id))
            return
        if old is None or (self._bridges.of(old) is None and self._rooms.of(old) is None):
            session.refuse(481, "Replaced Call Is Not Connected")
            return
        session.answer()
        try:
            taken = self.take(session, old)
        except WorkerLost as error:
            session.log.error("call not taken over", why=str(error))
            taken = False
        if taken:
            session.log.info("takes over", replaced=str(old.call.id))
            old.hang_up("normal", "replaced by another call")
        else:
            session.hang_up("normal", "the replaced call has nobody to talk to")
