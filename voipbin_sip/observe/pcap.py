"""SIP messages as a capture file that Wireshark reads: UDP over IP around each, whatever transport they took.

The file is a classic pcap (microseconds, LINKTYPE_RAW: packets begin with their IP header). IPv4 by RFC 791, IPv6 by
RFC 8200, UDP by RFC 768 with checksum.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

from voipbin_sip.observe.ring import Seen

CONTENT_TYPE = "application/vnd.tcpdump.pcap"
_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
_UDP = 17
_LARGEST = 65_507  # octets that fit into a UDP datagram over IPv4


def pcap(messages: Iterable[Seen]) -> bytes:
    """Return a capture file, secrets masked."""
    parts = [_HEADER]
    for seen in messages:
        packet = _packet(seen)
        seconds, fraction = divmod(round(seen.time * 1_000_000), 1_000_000)
        parts += (struct.pack("<IIII", seconds, fraction, len(packet), len(packet)), packet)
    return b"".join(parts)


def _packet(seen: Seen) -> bytes:
    data = seen.shown[:_LARGEST]
    (from_host, from_port), (to_host, to_port) = seen.source, seen.destination
    source, destination = (ipaddress.ip_address(host.partition("%")[0]) for host in (from_host, to_host))
    length = 8 + len(data)
    pseudo = source.packed + destination.packed + struct.pack("!II", length, _UDP)
    bare = struct.pack("!HHHH", from_port, to_port, length, 0)
    udp = struct.pack("!HHHH", from_port, to_port, length, _checksum(pseudo + bare + data) or 0xFFFF) + data
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, length, _UDP, 64) + source.packed + destination.packed + udp
    head = (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, _UDP, 0) + source.packed + destination.packed
    )
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
