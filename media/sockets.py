"""The engine's network: one UDP socket pair per leg, connected to the peer once its source is known.

Locked legs are read with one `recv_into` for every socket that epoll names, which costs less than asking each
socket until it says EAGAIN and nothing for silent ones. A leg whose source is not known yet has its socket in a
second epoll set and is read with its sources. RTCP sockets are in a third.
"""

from __future__ import annotations

import ctypes
import select
import socket
import struct
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from media.latch import Address
from media.rtp import FRAME, HEADER, PACKET, Batch

_READ_OPEN = 64  # packets of unlocked legs read in one tick, together
_READ_RTCP = 256
_DRAIN = 256  # packets thrown away or sorted at once when a socket changes hands
_USUAL = HEADER + FRAME  # octets of a packet of 20 ms

_libc = ctypes.CDLL(None, use_errno=True)


class _Pair:
    """A row's sockets."""

    __slots__ = ("rtcp", "rtp", "target")

    def __init__(self, rtp: socket.socket, rtcp: socket.socket) -> None:
        self.rtp = rtp
        self.rtcp = rtcp
        self.target: Address | None = None  # where packets go while the row is not locked


def _send_nothing(_packet: memoryview | bytes) -> int:
    return 0


class SocketIO:
    """`media.io.PacketIO` over UDP sockets that someone else has bound."""

    def __init__(self) -> None:
        self.refused = 0  # failures: ICMP errors of the peer, full buffers, unreachable networks
        self._pairs: dict[int, _Pair] = {}
        self._offered: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._rows: dict[int, int] = {}  # of RTP and RTCP file descriptors
        self._receive: dict[int, tuple[int, Callable[[memoryview], int]]] = {}
        self._send: list[Callable[[memoryview | bytes], int]] = []
        self._usual: list[memoryview] = []
        self._memory: list[memoryview] = []
        self._locked = select.epoll()
        self._open = select.epoll()
        self._rtcp = select.epoll()

    @property
    def rows(self) -> list[int]:
        """The rows that have sockets."""
        return list(self._pairs)

    def offer(self, leg: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        """Take over the sockets of a leg that is about to open; they are non-blocking from here on."""
        rtp.setblocking(False)
        rtcp.setblocking(False)
        self._offered[leg] = rtp, rtcp

    def open(self, row: int, leg: int) -> None:
        """Use a leg's offered sockets in this row."""
        rtp, rtcp = self._offered.pop(leg)
        self._pairs[row] = _Pair(rtp, rtcp)
        self._rows[rtp.fileno()] = self._rows[rtcp.fileno()] = row
        self._rtcp.register(rtcp.fileno(), select.EPOLLIN)

    def release(self, row: int) -> tuple[socket.socket, socket.socket]:
        """Give up a row's sockets, RTP and RTCP, without closing them; they stay connected if they were."""
        pair = self._forget(row)
        return pair.rtp, pair.rtcp

    def attach(self, octets: NDArray[np.uint8]) -> None:
        """Send from this array: keep a view of each row."""
        width = octets.shape[1]
        whole = octets.reshape(-1).data
        self._memory = [whole[row * width : (row + 1) * width] for row in range(len(octets))]
        self._usual = [view[:_USUAL] for view in self._memory]
        self._send += [_send_nothing] * (len(octets) - len(self._send))

    def rx(self, batch: Batch) -> int:
        """Read one packet from each locked socket that has one."""
        batch.clear()
        rows, lengths, views = batch.rows, batch.lengths, batch.views
        receive = self._receive
        count = 0
        for fd, _ in self._locked.poll(0, batch.capacity):
            row, receive_into = receive[fd]
            try:
                lengths.append(receive_into(views[count]))
            except OSError:  # an ICMP error that an earlier send brought, or a checksum error: no packet
                self.refused += 1
                continue
            rows.append(row)
            count += 1
        return count

    def rx_open(self) -> list[tuple[int, bytes, Address]]:
        """Read the packets of unlocked rows with their sources."""
        return self._read_from(self._open, _READ_OPEN)

    def rx_rtcp(self) -> list[tuple[int, bytes, Address]]:
        """Read RTCP packets with their sources."""
        return self._read_from(self._rtcp, _READ_RTCP)

    def _read_from(self, poll: select.epoll, limit: int) -> list[tuple[int, bytes, Address]]:
        """Read up to `limit` packets from the sockets of one set, one from each in turn."""
        found: list[tuple[int, bytes, Address]] = []
        while len(found) < limit:
            ready = poll.poll(0, limit - len(found))
            if not ready:
                break
            for fd, _ in ready:
                row = self._rows[fd]
                pair = self._pairs[row]
                sock = pair.rtp if pair.rtp.fileno() == fd else pair.rtcp
                try:
                    packet, source = sock.recvfrom(PACKET)
                except OSError:
                    continue
                found.append((row, packet, (source[0], source[1])))
        return found

    def tx(self, rows: Iterable[int], size: int) -> None:
        """Send the first `size` octets of these rows of the attached array."""
        send = self._send
        if size == _USUAL:
            views = self._usual
            for row in rows:
                try:
                    send[row](views[row])
                except OSError:
                    self.refused += 1
            return
        for row in rows:
            try:
                send[row](self._memory[row][:size])
            except OSError:
                self.refused += 1

    def tx_packet(self, row: int, packet: bytes) -> None:
        """Send one packet that is not in the array."""
        try:
            self._send[row](packet)
        except OSError:
            self.refused += 1

    def aim(self, row: int, address: Address) -> None:
        """Open the row to all sources and send to `address`."""
        pair = self._pairs[row]
        fd = pair.rtp.fileno()
        if fd in self._receive:
            self._disconnect(pair.rtp)
            self._locked.unregister(fd)
            del self._receive[fd]
        if pair.target is None:
            self._open.register(fd, select.EPOLLIN)
        pair.target = address
        send_to = pair.rtp.sendto
        self._send[row] = lambda packet: send_to(packet, address)

    def lock(self, row: int, address: Address) -> list[bytes] | None:
        """Connect the row's socket to its peer and sort what waited before the kernel began to filter.

        None if the kernel knows no way to the address; the row stays open.
        """
        pair = self._pairs[row]
        fd = pair.rtp.fileno()
        try:
            pair.rtp.connect(address)
        except OSError:  # no route back to it
            return None
        self._open.unregister(fd)
        pair.target = None
        self._locked.register(fd, select.EPOLLIN)
        self._receive[fd] = (row, pair.rtp.recv_into)
        self._send[row] = pair.rtp.send
        return [packet for packet, source in self._drain(pair.rtp) if source == address]

    def tx_rtcp(self, row: int, packet: bytes, address: Address) -> None:
        """Send one RTCP packet."""
        try:
            self._pairs[row].rtcp.sendto(packet, address)
        except OSError:
            self.refused += 1

    def close(self, row: int) -> None:
        """Close both sockets."""
        pair = self._forget(row)
        pair.rtp.close()
        pair.rtcp.close()

    def _forget(self, row: int) -> _Pair:
        """Take a row's sockets out of everything."""
        pair = self._pairs.pop(row)
        self._send[row] = _send_nothing
        self._rtcp.unregister(pair.rtcp.fileno())
        if pair.rtp.fileno() in self._receive:
            self._locked.unregister(pair.rtp.fileno())
        elif pair.target is not None:
            self._open.unregister(pair.rtp.fileno())
        for sock in (pair.rtp, pair.rtcp):
            fd = sock.fileno()
            self._rows.pop(fd, None)
            self._receive.pop(fd, None)
        return pair

    @staticmethod
    def _drain(sock: socket.socket) -> list[tuple[bytes, Address]]:
        """Read what waits on a socket."""
        found: list[tuple[bytes, Address]] = []
        for _ in range(_DRAIN):
            try:
                packet, source = sock.recvfrom(PACKET)
            except BlockingIOError:
                break
            except OSError:
                continue
            found.append((packet, (source[0], source[1])))
        return found

    @staticmethod
    def _disconnect(sock: socket.socket) -> None:
        """Dissolve a UDP socket's connection (connect(2) with AF_UNSPEC, which Python's own connect cannot say)."""
        nowhere = struct.pack("=H14x", socket.AF_UNSPEC)
        if _libc.connect(sock.fileno(), nowhere, len(nowhere)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, "cannot dissolve the connection of an RTP socket")
