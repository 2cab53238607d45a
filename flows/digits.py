"""The digits of one call as its flow sees them: a queue for what was typed ahead, and `voipbin.call.digits`.

A digit that comes outside `digits_receive` replaces the variable, as in VoIPBIN, and joins the queue, so that the
next `digits_receive` finds it. `digits_receive` empties the variable, takes digits from the queue one at a time
and waits for more; what it took does not come back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from flows.ports import Clock, Played
from flows.variables import DIGITS, Variables

TYPE_AHEAD = 128  # digits kept; further ones are dropped
_DIGITS = frozenset("0123456789*#ABCD")


class Digits:
    """What the caller typed and no step has used yet."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._ahead: deque[str] = deque()
        self._collecting = False
        self._waiters: set[asyncio.Future[None]] = set()
        self._ignored = False
        self._loose = False  # the variable was last set by a digit outside digits_receive

    @property
    def waiting(self) -> bool:
        """Tell whether digits typed ahead wait for a step."""
        return bool(self._ahead)

    def press(self, digit: str) -> None:
        """Take one digit (0-9 * # A-D); anything else is no digit and is ignored."""
        digit = digit.upper()
        if digit not in _DIGITS or self._ignored:
            return
        if len(self._ahead) < TYPE_AHEAD:
            self._ahead.append(digit)
        if not self._collecting:
            self._show(digit)
            self._loose = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Let digits pass while the caller talks to others: they are meant for them.

        Digits typed ahead of a conversation do not count after it either.
        """
        self._ahead.clear()
        self._ignored = True
        try:
            yield
        finally:
            self._ignored = False

    def show_first(self) -> None:
        """Put the first digit of the queue into an empty variable, for a prompt that it makes superfluous."""
        if self._ahead and not self._variables.get(DIGITS):
            self._show(self._ahead[0])
            self._loose = True

    def take(self) -> str:
        """Return the variable and empty it; digits that only the variable showed leave the queue with it."""
        digits = self._variables.get(DIGITS, "")
        self._show("")
        if self._loose:
            self._ahead.clear()
            self._loose = False
        return digits

    def replace(self, digits: str) -> None:
        """Set the variable on a flow's order; what was typed before does not come back."""
        self._variables.set(DIGITS, digits)
        self._ahead.clear()
        self._loose = False

    def _show(self, digits: str) -> None:
        # Not bounded: a digit must not fail because the variables of a run are full.
        self._variables.set(DIGITS, digits, bounded=False)

    async def collect(self, clock: Clock, *, length: int, keys: str, seconds: float) -> bool:
        """Collect digits into the variable; return whether they were complete before the time was over.

        Complete: `length` digits are there (0: no limit) or one of the characters of `keys` is among them; the
        terminator stays in the value. `seconds` counts for all digits together.
        """
        self._show("")
        self._loose = False
        typed = ""
        timer: asyncio.Task[None] | None = None
        self._collecting = True
        try:
            while True:
                while self._ahead:
                    digit = self._ahead.popleft()
                    typed += digit
                    self._show(typed)
                    if len(typed) == length or digit in keys:
                        return True
                if seconds <= 0 or (timer is not None and timer.done()):
                    return False
                timer = timer or asyncio.ensure_future(_sleep(clock, seconds))
                await self._wait_for_digit(timer)
        finally:
            self._collecting = False
            if timer is not None:
                timer.cancel()

    async def cut(self, sound: Coroutine[Any, Any, Played]) -> Played:
        """Let a sound play until its end or the next digit, whether or not it has begun to be heard."""
        playing = asyncio.ensure_future(sound)
        try:
            await self._wait_for_digit(playing)
            if playing.done():
                return playing.result()
            return Played.DIGIT
        finally:
            if not playing.done():
                playing.cancel()
                await asyncio.wait((playing,))

    async def _wait_for_digit(self, other: asyncio.Task[Any]) -> None:
        """Wait for the next digit or for the end of another task."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait((other, waiter), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiters.discard(waiter)


async def _sleep(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)
