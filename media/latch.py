"""Strict source latching of one leg: whose packets are heard, so that nobody else's are (RTP bleed).

The address that signalling named is accepted at its first valid packet. Another one (a peer behind NAT) is learnt
only from four valid packets of one SSRC within three seconds after signalling. Then the source is locked: the socket
is connected to it, the kernel drops everything else, and only new signalling opens the latch again.
Valid: RTP version 2, a payload type of the stream (or RTCP on the RTP port), sequence numbers going forward.
"""

from __future__ import annotations

from typing import TypeAlias

from media.rtp import COMFORT_NOISE, is_rtcp, read_header

Address: TypeAlias = tuple[str, int]

NOWHERE = ("0.0.0.0", "::")  # the connection address of RFC 2543 hold: no place to send to
PACKETS = 4  # of one SSRC, to learn an address
SECONDS = 3.0  # after signalling
MAX_CANDIDATES = 16  # sources watched at once, so that a spray of spoofed ones costs nothing
MAX_STEP = 100  # sequence numbers between two packets of a candidate


class Latch:
    """The source decision of one leg while its socket is open to everyone."""

    __slots__ = ("_candidates", "_expected", "_until", "payload_types")

    def __init__(self, expected: set[Address], payload_types: set[int], now: float) -> None:
        self._expected = expected  # from the SDP, and the source locked before if the SDP did not change
        self.payload_types = payload_types | {COMFORT_NOISE}
        self._until = now + SECONDS
        self._candidates: dict[tuple[Address, int], tuple[int, int]] = {}  # last sequence number, packets

    def accepts(self, packet: bytes, source: Address, now: float) -> bool:
        """Judge one packet; True locks the source."""
        header = read_header(packet)
        if header is None:
            return False
        if is_rtcp(packet[1]) or header.payload_type not in self.payload_types:
            return False
        if source in self._expected:
            return True
        if now > self._until:
            return False
        return self._learns((source, header.ssrc), header.sequence)

    def _learns(self, candidate: tuple[Address, int], sequence: int) -> bool:
        """Count one valid packet of a candidate; True when it has shown enough."""
        last, packets = self._candidates.get(candidate, (sequence - 1, 0))
        if not 0 < (sequence - last) & 0xFFFF <= MAX_STEP:
            packets = 0
        if packets == 0 and candidate not in self._candidates and len(self._candidates) >= MAX_CANDIDATES:
            return False
        self._candidates[candidate] = (sequence, packets + 1)
        return packets + 1 >= PACKETS
