"""Several of one kind looked at together, each with notes of its own: what is found keeps their order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from voipbin_sip.doctor.finding import Notes

T = TypeVar("T")
R = TypeVar("R")


async def together(notes: Notes, items: Sequence[T], work: Callable[[Notes, T], Awaitable[R]]) -> list[R]:
    """Do `work` for all items at once; returns what it returns. What is found until the time is over is kept."""
    many = [Notes(notes.area) for _ in items]
    try:
        return await asyncio.gather(*(work(own, item) for own, item in zip(many, items, strict=True)))
    finally:
        for own in many:
            notes.found += own.found
