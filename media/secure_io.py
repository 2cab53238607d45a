"""The engine's network with SRTP on it: rows that have keys send protected packets and are heard only verified.

It stands between the engine and `media.sockets`. Rows without keys pass by: as long as no row has any, a tick costs
one comparison more. What fails verification is passed on empty, so that the engine counts it as foreign.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from media.io import PacketIO
from media.latch import Address
from media.messages import SrtpKeys
from media.rtp import Batch
from media.srtp import Srtp, SrtpPast


class SecureIO:
    """`media.io.PacketIO` on top of another one."""

    def __init__(self, io: PacketIO) -> None:
        self._io = io
        self._srtp: dict[int, Srtp] = {}
        self._memory = memoryview(b"")
        self._width = 0

    def secure(self, row: int, keys: SrtpKeys | None) -> None:
        """Use these keys for a row from now on; None for plain RTP."""
        if keys is None:
            self._srtp.pop(row, None)
        elif row in self._srtp:
            self._srtp[row].change(keys)
        else:
            self._srtp[row] = Srtp(keys)

    def past(self, row: int) -> SrtpPast | None:
        """Return how far a row's SRTP has come; None without keys."""
        srtp = self._srtp.get(row)
        return srtp.past if srtp is not None else None

    def go_on(self, row: int, past: SrtpPast) -> None:
        """Run a row, whose keys are set, forward to where it was elsewhere."""
        self._srtp[row].run_forward(past)

    def open(self, row: int, leg: int) -> None:
        """Give a leg's sockets their row."""
        self._io.open(row, leg)

    def attach(self, octets: NDArray[np.uint8]) -> None:
        """Send from this array from now on."""
        self._io.attach(octets)
        self._memory, self._width = octets.reshape(-1).data, octets.shape[1]

    def rx(self, batch: Batch) -> int:
        """Fill the batch; packets that fail verification have no length."""
        count = self._io.rx(batch)
        if self._srtp:
            for place, row in enumerate(batch.rows):
                srtp = self._srtp.get(row)
                if srtp is not None:
                    view = batch.views[place]
                    plain = srtp.unprotect(bytes(view[: batch.lengths[place]]))
                    batch.lengths[place] = len(plain)
                    view[: len(plain)] = plain
        return count

    def rx_open(self) -> list[tuple[int, bytes, Address]]:
        """Return packets of rows that are not locked."""
        found = self._io.rx_open()
        if not self._srtp:
            return found
        return [(row, self._unprotect(row, packet), source) for row, packet, source in found]

    def _unprotect(self, row: int, packet: bytes) -> bytes:
        srtp = self._srtp.get(row)
        return packet if srtp is None else srtp.unprotect(packet)

    def tx(self, rows: Iterable[int], size: int) -> None:
        """Send the first `size` octets of each of these rows."""
        if not self._srtp:
            self._io.tx(rows, size)
            return
        plain = []
        memory, width = self._memory, self._width
        for row in rows:
            srtp = self._srtp.get(row)
            if srtp is None:
                plain.append(row)
            else:
                packet = bytes(memory[row * width : row * width + size])
                self._io.tx_packet(row, srtp.protect(packet))
        if plain:
            self._io.tx(plain, size)

    def tx_packet(self, row: int, packet: bytes) -> None:
        """Send one packet that is not in the array."""
        srtp = self._srtp.get(row)
        self._io.tx_packet(row, packet if srtp is None else srtp.protect(packet))

    def aim(self, row: int, address: Address) -> None:
        """Open the row to every source and send to `address` from now on."""
        self._io.aim(row, address)

    def lock(self, row: int, address: Address) -> list[bytes] | None:
        """Exchange packets with `address` only."""
        waiting = self._io.lock(row, address)
        if waiting is None or row not in self._srtp:
            return waiting
        return [self._unprotect(row, packet) for packet in waiting]

    def rx_rtcp(self) -> list[tuple[int, bytes, Address]]:
        """Return RTCP packets that came."""
        found = self._io.rx_rtcp()
        if not self._srtp:
            return found
        opened = []
        for row, packet, source in found:
            srtp = self._srtp.get(row)
            opened.append((row, packet if srtp is None else srtp.unprotect_rtcp(packet), source))
        return opened

    def tx_rtcp(self, row: int, packet: bytes, address: Address) -> None:
        """Send one RTCP packet."""
        srtp = self._srtp.get(row)
        self._io.tx_rtcp(row, packet if srtp is None else srtp.protect_rtcp(packet), address)

    def close(self, row: int) -> None:
        """Close the row's sockets and forget its keys."""
        self.secure(row, None)
        self._io.close(row)
