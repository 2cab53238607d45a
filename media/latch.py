"""Strict source latching of one leg: whose packets are heard, so that nobody else's are (RTP bleed).

The address that signalling named is accepted at its first valid packet. Another port of the same host (a peer behind
a NAT) is learnt from four valid packets of one SSRC. Another host is learnt like that only within three seconds from
its first packet, and has to wait for a second in which the host that signalling named may speak up; without that wait
where signalling named a private address, since nobody knows then where the peer is, and where the packets are SRTP
that verified, since nobody else can make them. Then the source is locked: the
socket is connected to it, the kernel drops everything else, and only new signalling opens the latch again.
Valid: RTP version 2, a payload type of the stream (or RTCP on the RTP port), sequence numbers going forward.
"""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

from media.rtp import COMFORT_NOISE, is_rtcp, read_header

Address: TypeAlias = tuple[str, int]

NOWHERE = ("0.0.0.0", "::")  # the connection address of RFC 2543 hold: no place to send to
PACKETS = 4  # of one SSRC, to learn an address
WAIT = 1.0  # s that another host than the signalled one must go on sending
SECONDS = 3.0  # from the first packet of another host; after that none is learnt
MAX_CANDIDATES = 16  # sources watched at once, so that a spray of spoofed ones costs nothing
MAX_STEP = 100  # sequence numbers between two packets of a candidate
_HIDDEN = tuple(  # addresses that mean nothing outside of their own network
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
    )
)


class Latch:
    """The source decision of one leg while its socket is open to everyone."""

    __slots__ = ("_expected", "_hosts", "_near", "_others", "_until", "_wait", "payload_types")

    def __init__(self, expected: set[Address], payload_types: set[int], *, verified: bool = False) -> None:
        self._expected = expected  # from the SDP, and the source locked before if the SDP did not change
        self._hosts = {host for host, _ in expected}
        self.payload_types = payload_types | {COMFORT_NOISE}
        self._wait = 0.0 if verified or all(map(_is_hidden, self._hosts)) else WAIT
        self._until = float("inf")
        self._near = _Candidates()  # of the expected hosts
        self._others = _Candidates()

    def accepts(self, packet: bytes, source: Address, now: float) -> bool:
        """Judge one packet; True locks the source."""
        header = read_header(packet)
        if header is None:
            return False
        if is_rtcp(packet[1]) or header.payload_type not in self.payload_types:
            return False
        if source in self._expected:
            return True
        if source[0] in self._hosts:
            return self._near.learns((source, header.ssrc), header.sequence, now) is not None
        self._until = min(self._until, now + SECONDS)
        if now > self._until:
            return False
        since = self._others.learns((source, header.ssrc), header.sequence, now)
        return since is not None and now - since >= self._wait


class _Candidates:
    """Sources that may be the peer: last sequence number, packets in a row, time of the first."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[tuple[Address, int], tuple[int, int, float]] = {}

    def learns(self, candidate: tuple[Address, int], sequence: int, now: float) -> float | None:
        """Count one valid packet; returns since when the candidate sends once it has shown enough, else None."""
        last, packets, since = self._seen.get(candidate, (sequence - 1, 0, now))
        if not 0 < (sequence - last) & 0xFFFF <= MAX_STEP:
            packets, since = 0, now
        if candidate not in self._seen and len(self._seen) >= MAX_CANDIDATES:
            return None
        self._seen[candidate] = (sequence, packets + 1, since)
        return since if packets + 1 >= PACKETS else None


def _is_hidden(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _HIDDEN)
