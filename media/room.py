"""A room as the control side sees it: who is in it, and which worker mixes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.messages import Join

if TYPE_CHECKING:
    from media.client import MediaClient, MediaLeg
    from media.link import WorkerLink


class Room:
    """Legs that hear each other. It needs no end: an empty room costs nothing, and may be entered again."""

    def __init__(self, client: MediaClient, number: int) -> None:
        self._client = client
        self.id = number
        self._legs: list[MediaLeg] = []

    @property
    def legs(self) -> tuple[MediaLeg, ...]:
        """Who is in it, in the order of entering."""
        return tuple(self._legs)

    @property
    def link(self) -> WorkerLink | None:
        """The worker that mixes it; None while it is empty."""
        return self._legs[0].home if self._legs else None

    def take(self, leg: MediaLeg) -> None:
        """Let a leg in, from another worker if need be. Raises WorkerLost if there is no place in the room's worker."""
        if leg.room is self:
            return
        link = self.link
        if link is not None and leg.home is not link:
            self._client.move(leg, link)
        if leg.room is not None:
            leg.room.lose(leg)
        self._legs.append(leg)
        leg.room = self
        leg.order(Join(leg.id, self.id))

    def lose(self, leg: MediaLeg) -> None:
        """Forget a leg that leaves or is gone."""
        self._legs.remove(leg)
        leg.room = None
