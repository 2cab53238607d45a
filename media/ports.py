"""Pairs of UDP ports for RTP and RTCP: even and odd (RFC 3550 section 11), drained before they are used again.

A pair that has been given back waits a few seconds, so that late packets of the old call are not heard in a new
one. Pairs are used in turn; finding one costs the same however many are in use.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable

DRAIN = 5.0  # seconds
_EXPEDITED = 46 << 2  # DSCP EF for telephony (RFC 4594 section 4.1), in the TOS octet
_TRIES = 32  # pairs that may turn out to be taken by other programs


class NoPort(Exception):  # noqa: N818 - reads as what happened
    """No pair of RTP ports is free."""


class PortPool:
    """Free pairs of one port range. `clock` gives monotonic seconds."""

    def __init__(self, ports: range, clock: Callable[[], float]) -> None:
        self._ports = ports
        self._clock = clock
        first = ports.start + ports.start % 2
        self._free = deque(range(first, ports.stop - 1, 2))
        self._drained: deque[tuple[float, int]] = deque()  # ready at, port

    def open(self, host: str) -> tuple[int, socket.socket, socket.socket]:
        """Bind a pair on a local address: RTP port, RTP socket, RTCP socket. Raises NoPort."""
        self._recover()
        taken: list[int] = []
        try:
            for _ in range(min(_TRIES, len(self._free))):
                port = self._free.popleft()
                taken.append(port)
                pair = _bind(host, port)
                if pair is not None:
                    taken.pop()
                    return port, *pair
        finally:
            self._free.extend(taken)
        raise NoPort(f"no free pair of RTP ports on {host} in {self._ports.start}-{self._ports.stop - 1}")

    def release(self, port: int) -> None:
        """Give a pair back; its sockets are closed."""
        self._drained.append((self._clock() + DRAIN, port))

    def _recover(self) -> None:
        """Make pairs free that have waited long enough."""
        now = self._clock()
        while self._drained and self._drained[0][0] <= now:
            self._free.append(self._drained.popleft()[1])


def _bind(host: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    """Bind both sockets; None if another program has one of the ports. Other errors (no such address) are raised."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    pair: list[socket.socket] = []
    try:
        for number in (port, port + 1):
            sock = socket.socket(family, socket.SOCK_DGRAM)
            pair.append(sock)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
            sock.bind((host, number))
    except OSError as error:
        for sock in pair:
            sock.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return pair[0], pair[1]
