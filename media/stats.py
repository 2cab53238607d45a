"""Statistics per leg in memory that the control side and a worker share: written twice a second, read at any time.

One row of fixed layout per leg, at the slot that `OpenLeg` names. Values are 8 octets wide and aligned, so that a
reader never sees half of one.
"""

from __future__ import annotations

import mmap
import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SLOTS = 16384  # legs of one worker; the file is sparse
FIELDS = (
    "sent",
    "received",
    "lost",
    "late",
    "foreign",
    "jitter",
    "round_trip",
    "peer_lost",
    "peer_jitter",
    "level",
)


class LegStats(NamedTuple):
    """One leg's counters."""

    packets_sent: int
    packets_received: int
    packets_lost: int
    packets_late: int
    packets_foreign: int
    jitter: float  # ms, RFC 3550 section 6.4.1
    round_trip: float  # ms, from RTCP; 0 = unknown
    peer_lost: int  # of our packets, as the peer reports; -1 = it has not
    peer_jitter: float  # ms, of our stream as the peer reports
    level: float  # dBov of what the leg sends, -127 = silence or not listened to


def create_stats() -> int:
    """Return the file descriptor of a new table."""
    fd = os.memfd_create("voipbin-stats", os.MFD_CLOEXEC)
    os.ftruncate(fd, SLOTS * len(FIELDS) * 8)
    return fd


class StatsTable:
    """float64[SLOTS, fields] over a shared file."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, SLOTS * len(FIELDS) * 8)
        table: NDArray[np.float64] = np.frombuffer(self._memory, np.float64).reshape(SLOTS, len(FIELDS))
        self.table = table

    def read(self, slot: int) -> LegStats:
        """Return the leg's counters as last written."""
        *counts, jitter, round_trip, peer_lost, peer_jitter, level = self.table[slot].tolist()
        sent, received, lost, late, foreign = (int(count) for count in counts)
        return LegStats(
            sent, received, lost, late, foreign, jitter, round_trip, int(peer_lost), peer_jitter, level
        )

    def clear(self, slot: int) -> None:
        """Forget the leg before."""
        self.table[slot] = 0
        self.table[slot, FIELDS.index("peer_lost")] = -1
        self.table[slot, FIELDS.index("level")] = -127.0
