"""Waiting for what another task or thread does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return as soon as the condition holds."""
    pause = 0.002
    for _ in range(int(seconds / pause)):
        if condition():
            return
        await asyncio.sleep(pause)
    raise AssertionError("it never came to be")
