"""What every phone in the tests can do, whatever program it is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Phone(Protocol):
    """One phone with one call; its module's function starts it and ends it."""

    @property
    def recording(self) -> Path:
        """What the phone heard, a sound file; complete once the call is over."""
        ...

    async def call(self, number: str, server: str) -> None:
        """Call a number at HOST:PORT and wait until it is answered."""
        ...

    async def press(self, digits: str) -> None:
        """Press digits in the phone's usual way."""
        ...

    async def hang_up(self) -> None:
        """Hang up."""
        ...

    async def over(self, seconds: float = 15.0) -> int:
        """Wait for the end of the call; returns the SIP status of the end, 200 where the phone does not tell."""
        ...
