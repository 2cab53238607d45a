"""A process that is told to stop does stop, whatever keeps it: a file that hangs, a driver that never ends."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import structlog


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # past whoever is waited for


class Leaving:
    """Leaves the process some seconds after `begin`, if it is still there then."""

    def __init__(self, seconds: float, leave: Callable[[], None] = _leave) -> None:
        self._seconds = seconds
        self._leave = leave
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """Let the time begin; further calls change nothing."""
        if self._timer is None:
            self._timer = threading.Timer(self._seconds, self._over)
            self._timer.daemon = True
            self._timer.start()

    def _over(self) -> None:
        log = structlog.get_logger("server")
        log.error("not everything could be closed, leaving without it", seconds=self._seconds)
        self._leave()
