"""A process that is told to stop leaves after a while, whatever keeps it."""

from __future__ import annotations

import subprocess
import sys
import threading

from structlog.testing import capture_logs

from voipbin_sip.cli.leaving import Leaving

STUCK = """
import threading, time
from voipbin_sip.cli.leaving import Leaving
threading.Thread(target=time.sleep, args=(3600,)).start()
print("stuck", flush=True)
Leaving(0.2).begin()
"""


def test_it_says_so_and_leaves_once() -> None:
    left = threading.Semaphore(0)
    with capture_logs() as logs:
        leaving = Leaving(0.02, left.release)
        leaving.begin()
        leaving.begin()
        assert left.acquire(timeout=10)
        assert not left.acquire(timeout=0.1)
    assert [log["event"] for log in logs] == ["not everything could be closed, leaving without it"]


def test_a_process_with_a_thread_that_hangs_ends_with_0() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split("\n")[0]) == (0, "stuck"), done.stderr
