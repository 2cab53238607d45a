"""Free ports on the loopback address, below the kernel's range for outgoing connections."""

from __future__ import annotations

import itertools
import os
import socket
import threading

FIRST, LAST = 20_000, 32_000


def _range() -> range:
    """Return the ports of this process: of several that share the tests each has its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        share = (LAST - FIRST) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) // 2 * 2
        first = FIRST + share * int(worker.removeprefix("gw"))
        return range(first, first + share, 2)
    # Each starts elsewhere, so that two of them on one machine rarely try the same port.
    return range(FIRST + 40 * (os.getpid() % 250), LAST, 2)


_lock = threading.Lock()  # calls in the background (`test_long.py`) take ports too
_candidates = itertools.cycle(_range())


def free() -> int:
    """Return an even port that is free for UDP and TCP, with the odd one above it free for UDP."""
    return free_block(2)


def free_block(size: int) -> int:
    """Return the first of `size` ports in a row, even, that are free for UDP (the first for TCP too)."""
    with _lock:
        for first in itertools.islice(_candidates, 6_000):
            if all(_bindable(first + number, tcp=number == 0) for number in range(size)):
                for _ in range(size // 2 - 1):
                    next(_candidates)
                return first
    raise OSError(f"no {size} free ports in a row")


def _bindable(port: int, *, tcp: bool) -> bool:
    kinds = [socket.SOCK_DGRAM, socket.SOCK_STREAM] if tcp else [socket.SOCK_DGRAM]
    for kind in kinds:
        with socket.socket(socket.AF_INET, kind) as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
