"""What the engine asks of the network: the border between the tick and the sockets.

`media.sockets` is the real one; tests drive the engine with one that keeps packets in lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.latch import Address
from media.rtp import Batch


class PacketIO(Protocol):
    """RTP and RTCP of all legs; a row has one pair of sockets. Nothing here blocks or raises for a peer's fault."""

    def open(self, row: int, leg: int) -> None:
        """Give a leg's sockets their row."""
        ...

    def attach(self, octets: NDArray[np.uint8]) -> None:
        """Send from this uint8[rows, n] array from now on; it has been (re)allocated."""
        ...

    def rx(self, batch: Batch) -> int:
        """Fill the batch with at most one packet for each locked row; return how many (0: nothing waits)."""
        ...

    def rx_open(self) -> list[tuple[int, bytes, Address]]:
        """Return packets of rows that are not locked: row, packet, source."""
        ...

    def tx(self, rows: Iterable[int], size: int) -> None:
        """Send the first `size` octets of each of these rows."""
        ...

    def tx_packet(self, row: int, packet: bytes) -> None:
        """Send one packet that is not in the array."""
        ...

    def aim(self, row: int, address: Address) -> None:
        """Open the row to every source and send to `address` from now on."""
        ...

    def lock(self, row: int, address: Address) -> list[bytes] | None:
        """Exchange packets with `address` only; return its packets that already waited, None if it cannot be."""
        ...

    def rx_rtcp(self) -> list[tuple[int, bytes, Address]]:
        """Return RTCP packets that came: row, packet, source."""
        ...

    def tx_rtcp(self, row: int, packet: bytes, address: Address) -> None:
        """Send one RTCP packet."""
        ...

    def close(self, row: int) -> None:
        """Close the row's sockets."""
        ...
