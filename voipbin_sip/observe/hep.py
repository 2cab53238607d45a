"""SIP messages to a capture server (HOMER) by HEP version 3 over UDP, as its specification writes the chunks."""

from __future__ import annotations

import ipaddress
import socket
import struct
from contextlib import suppress

from voipbin_sip.observe.ring import Seen

_TRANSPORTS = {"UDP": 17, "TCP": 6, "TLS": 6}
_SIP = 1


def hep3(seen: Seen, node: int = 0) -> bytes:
    """Return the packet for one message, secrets masked."""
    (from_host, from_port), (to_host, to_port) = seen.source, seen.destination
    source, destination = (ipaddress.ip_address(host.partition("%")[0]) for host in (from_host, to_host))
    v6 = source.version == 6
    seconds, fraction = divmod(round(seen.time * 1_000_000), 1_000_000)
    chunks = (
        _chunk(1, bytes([10 if v6 else 2])),
        _chunk(2, bytes([_TRANSPORTS.get(seen.hop.transport, 17)])),
        _chunk(5 if v6 else 3, source.packed),
        _chunk(6 if v6 else 4, destination.packed),
        _chunk(7, struct.pack("!H", from_port)),
        _chunk(8, struct.pack("!H", to_port)),
        _chunk(9, struct.pack("!I", seconds)),
        _chunk(10, struct.pack("!I", fraction)),
        _chunk(11, bytes([_SIP])),
        _chunk(12, struct.pack("!I", node)),
        _chunk(17, seen.call_id.encode()),
        _chunk(15, seen.shown),
    )
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def _chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, 6 + len(data)) + data


class HepSender:
    """Sends to one address, without ever waiting; what the kernel does not take is lost."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError where the address is none."""
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._address = address

    def send(self, seen: Seen) -> None:
        """Send one message."""
        with suppress(OSError, struct.error):  # the capture server is gone, or the message is too long for it
            self._socket.sendto(hep3(seen), self._address)

    def close(self) -> None:
        """Stop."""
        self._socket.close()
