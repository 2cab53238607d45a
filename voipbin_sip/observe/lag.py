"""How late the event loop is: what every call feels when something holds it up."""

from __future__ import annotations

import asyncio
from collections import deque

from voipbin_sip.tasks import over

EVERY = 0.5  # seconds
REMEMBERED = 120  # measurements: a minute


class LoopLag:
    """Measures it. `start` begins, `worst` is the answer."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=REMEMBERED)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._task = asyncio.get_running_loop().create_task(self._measure())

    async def close(self) -> None:
        """Stop."""
        await over(self._task)

    @property
    def worst(self) -> float:
        """The longest delay of the last minute, in seconds."""
        return max(self._late, default=0.0)

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self._late.append(max(0.0, loop.time() - due))
