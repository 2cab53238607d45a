"""UDP sockets for SIP: many datagrams per wake-up, answers leave from the address the request came to.

A wildcard socket learns each datagram's destination by IP_PKTINFO and names it as the source of what it sends:
a server with several addresses would else answer from one that the peer (and its NAT) never spoke to.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from voipbin_sip.sip.events import Hop
from voipbin_sip.transport.address import ListenAddress

MAX_DATAGRAM = 65_535
DATAGRAMS_PER_WAKE = 64  # then other work of the loop gets its turn
RECEIVE_BUFFER = 4 * 1024 * 1024  # bytes: a burst of a thousand INVITEs waits in the kernel

IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
IPV6_RECVPKTINFO = getattr(socket, "IPV6_RECVPKTINFO", 49)
IPV6_PKTINFO = getattr(socket, "IPV6_PKTINFO", 50)


class UdpSocket:
    """One bound UDP socket in the event loop."""

    def __init__(self, address: ListenAddress, on_datagram: Callable[[bytes, Hop], None]) -> None:
        self._on_datagram = on_datagram
        self._wildcard = address.is_wildcard
        self._v6 = address.family == socket.AF_INET6
        self.dropped = 0  # datagrams that the kernel did not take
        self._socket = sock = socket.socket(address.family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if self._v6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if self._wildcard and self._v6:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
            elif self._wildcard:
                sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            sock.bind((address.host, address.port))
        except OSError:
            sock.close()
            raise
        name = sock.getsockname()
        self.address = ListenAddress("udp", address.host, name[1])
        self._local = (address.host, name[1])
        asyncio.get_running_loop().add_reader(sock.fileno(), self._read)

    def serves(self, hop: Hop) -> bool:
        """Whether messages of this hop leave from here."""
        if hop.local[1] != self._local[1] or (":" in hop.local[0]) != self._v6:
            return False
        return self._wildcard or hop.local[0] == self._local[0]

    def send(self, data: bytes, hop: Hop) -> None:
        """Send one datagram. What the kernel does not take is dropped: SIP sends it again."""
        try:
            if self._wildcard:
                self._socket.sendmsg([data], [self._source(hop.local[0])], 0, hop.remote)
            else:
                self._socket.sendto(data, hop.remote)
        except OSError:
            self.dropped += 1

    def close(self) -> None:
        """Leave the loop and close."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()

    def _source(self, host: str) -> tuple[int, int, bytes]:
        if self._v6:
            packed = socket.inet_pton(socket.AF_INET6, host)
            return socket.IPPROTO_IPV6, IPV6_PKTINFO, packed + struct.pack("@I", 0)
        return socket.IPPROTO_IP, IP_PKTINFO, struct.pack("@I4s4s", 0, socket.inet_aton(host), b"\0\0\0\0")

    def _read(self) -> None:
        for _ in range(DATAGRAMS_PER_WAKE):
            try:
                if self._wildcard:
                    data, ancillary, _, remote = self._socket.recvmsg(MAX_DATAGRAM, 128)
                    local = (self._destination(ancillary), self._local[1])
                else:
                    data, remote = self._socket.recvfrom(MAX_DATAGRAM)
                    local = self._local
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier send; nothing was received
                continue
            if len(data) <= 4 and not data.strip():
                continue  # CRLF keepalive (RFC 5626 section 3.5.1 is for streams; many phones do it on UDP)
            self._on_datagram(data, Hop("UDP", local, (remote[0], remote[1])))

    def _destination(self, ancillary: list[tuple[int, int, bytes]]) -> str:
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                return socket.inet_ntoa(value[4:8])  # ipi_spec_dst: the local address to answer from
            if level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO:
                return socket.inet_ntop(socket.AF_INET6, value[:16])
        return self._local[0]
