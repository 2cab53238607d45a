"""A recording as the control side holds it, whatever becomes of its leg and its worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from media.messages import RecordDone, StopRecord

if TYPE_CHECKING:
    from media.media_leg import MediaLeg


class Recording:
    """What is being recorded of a leg. `done` ends when the file is closed; it cannot be cancelled."""

    def __init__(self, leg: MediaLeg, number: int) -> None:
        self.leg = leg
        self.number = number
        self._done: asyncio.Future[RecordDone] = asyncio.get_running_loop().create_future()

    async def done(self) -> RecordDone:
        """Wait for the end and return how it came about."""
        return await asyncio.shield(self._done)

    @property
    def is_over(self) -> bool:
        """The file is closed, or nobody writes to it any more."""
        return self._done.done()

    def stop(self) -> None:
        """End it; `done` tells when the file is whole."""
        if not self._done.done():
            self.leg.order(StopRecord(self.leg.id, self.number))

    def finish(self, event: RecordDone) -> None:
        """The worker is done with it, or gone."""
        if not self._done.done():
            self._done.set_result(event)
