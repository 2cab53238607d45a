"""A thread that computes gives way to the calls.

Python's threads share one interpreter: while one computes, another waits some milliseconds each time it wants to go
on, and the event loop does so after each message that it sends. So who computes sleeps in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable

AT_ONCE = 0.002  # s of work between two sleeps, at least
SHARE = 1.0  # s of sleep for each second of work


class GivingWay:
    """Called by a thread between pieces of its work, sleeps for a multiple of the time that it has worked since."""

    def __init__(
        self,
        worked: Callable[[], float] = time.thread_time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`worked` tells how long the thread has computed, in seconds."""
        self._worked = worked
        self._sleep = sleep
        self._since = worked()

    def __call__(self) -> None:
        """Give way, if it is time."""
        now = self._worked()
        if now - self._since >= AT_ONCE:
            self._sleep(SHARE * (now - self._since))
            self._since = now
