"""What goes on in the database's driver: who waits for it may be cancelled, the driver is not.

A statement that is cancelled leaves the driver and its thread at odds about who closes the connection, and a server
that stops then waits for ever. So each piece of work is a task of its own. It is cancelled only where the database
says nothing for too long, and nobody waits for long for what becomes of it then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
GIVE_UP_SECONDS = 3.0  # for the driver to cut a connection


class Operations:
    """The work in hand."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """Return how many are not at their end."""
        return len(self._tasks)

    async def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return what the work does. Raises what it raises, and TimeoutError after `seconds`.

        Who is cancelled while it waits does not stop the work.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait((task,), timeout=seconds)
        if not done:
            task.cancel()
            await asyncio.wait((task,), timeout=GIVE_UP_SECONDS)  # who tries again does not meet it
            raise TimeoutError(f"no answer within {seconds:g} seconds")
        return task.result()

    async def close(self, seconds: float) -> bool:
        """Wait for the work in hand, `seconds` at most; False where some of it is not at its end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        return not self._tasks

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: who waited for it may be gone
