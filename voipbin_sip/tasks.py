"""Tasks that run beside the server's work until they are not wanted any more."""

from __future__ import annotations

import asyncio


async def over(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks, and wait until they are over; None is one that was never begun."""
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
