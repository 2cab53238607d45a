"""RTCP of all legs: what is sent every five seconds, and what the peers' reports tell (RFC 3550 section 6).

Reports go to the signalled RTCP address, or, once the peer's RTP source is locked, to where its RTCP comes from
(symmetric RTCP, RFC 4961). RTCP is heard only from the host whose RTP is.
"""

from __future__ import annotations

import time

import numpy as np

from media import rtcp
from media.io import PacketIO
from media.latch import Address
from media.legs import Leg, Legs
from media.receive import Receiver
from media.rows import grown
from media.send import Sender

INTERVAL = 5.0  # seconds, times 0.5 to 1.5 at random (RFC 3550 section 6.3.1)
_LONGEST_TRIP = 10.0  # seconds: a longer round trip is a wrong LSR


class Reports:
    """Report state by row."""

    def __init__(
        self,
        capacity: int,
        io: PacketIO,
        legs: Legs,
        receiver: Receiver,
        sender: Sender,
        random: np.random.Generator,
    ) -> None:
        self._io = io
        self._legs = legs
        self._receiver = receiver
        self._sender = sender
        self._random = random
        self._cname = f"{int(random.integers(0, 1 << 62)):016x}@voipbin.invalid"
        self._due = np.zeros(0, np.float64)
        self._started = np.zeros(0, np.bool_)
        self._expected = np.zeros(0, np.int64)  # as of the last report, for the fraction lost
        self._received = np.zeros(0, np.int64)
        self._sent = np.zeros(0, np.int64)
        self._last = np.zeros(0, np.uint32)  # middle NTP bits of the peer's last SR
        self._last_at = np.zeros(0, np.float64)
        self.round_trip = np.zeros(0, np.float64)  # ms
        self.peer_lost = np.zeros(0, np.int64)  # of our packets, by the peer's reports; -1 = untold
        self.peer_jitter = np.zeros(0, np.float64)  # of our stream at the peer, clock ticks
        self.clock = time.time
        self.grow(capacity)

    def grow(self, capacity: int) -> None:
        """Make room for more rows."""
        for name in (
            "_due",
            "_started",
            "_expected",
            "_received",
            "_sent",
            "_last",
            "_last_at",
            "round_trip",
            "peer_lost",
            "peer_jitter",
        ):
            setattr(self, name, grown(getattr(self, name), capacity))

    def reset(self, row: int) -> None:
        """Make the row that of a new leg."""
        self._started[row] = False
        self._expected[row] = self._received[row] = self._sent[row] = 0
        self._last[row] = 0
        self._last_at[row] = self.round_trip[row] = self.peer_jitter[row] = 0.0
        self.peer_lost[row] = -1

    def start(self, row: int, now: float) -> None:
        """Begin to report on a leg that has a stream."""
        if not self._started[row]:
            self._started[row] = True
            self._due[row] = now + INTERVAL * float(self._random.uniform(0.5, 1.0))

    def tick(self, now: float) -> None:
        """Read what has come and send what is due."""
        for row, packet, source in self._io.rx_rtcp():
            leg = self._legs.by_row.get(row)
            if leg is None or leg.source is None or leg.source[0] != source[0]:
                self._receiver.foreign[row] += 1
                continue
            if self.take(row, packet, now):
                leg.rtcp_source = source
        high = self._legs.rows.high
        due = self._legs.streaming[:high] & (self._due[:high] <= now)
        if due.any():
            for row in np.flatnonzero(due).tolist():
                self._due[row] = now + INTERVAL * float(self._random.uniform(0.5, 1.5))
                self._send(self._legs.by_row[row], self._report(row, now))

    def take(self, row: int, packet: bytes, now: float) -> bool:
        """Read a peer's RTCP packet; False if it is none."""
        try:
            found = rtcp.parse(packet)
        except ValueError:
            self._receiver.foreign[row] += 1
            return False
        self._receiver.heard[row] = now
        if found.sender is not None:
            self._last[row] = rtcp.middle(found.sender.ntp)
            self._last_at[row] = now
        for block in found.blocks:
            if block.ssrc != int(self._sender.ssrc[row]):
                continue
            self.peer_lost[row], self.peer_jitter[row] = max(block.lost, 0), block.jitter
            if block.last_report:
                passed = (
                    rtcp.middle(rtcp.ntp_time(self.clock())) - block.last_report - block.delay
                ) & 0xFFFFFFFF
                if passed < _LONGEST_TRIP * 65536:
                    self.round_trip[row] = passed * 1000 / 65536
        return True

    def leave(self, leg: Leg) -> None:
        """Say BYE for a leg that closes, if it was ever heard of."""
        if self._sender.packets[leg.row]:
            self._send(leg, rtcp.build_bye(int(self._sender.ssrc[leg.row]), self._cname))

    def _send(self, leg: Leg, packet: bytes) -> None:
        address = self._address(leg)
        if address is not None:
            self._io.tx_rtcp(leg.row, packet, address)

    @staticmethod
    def _address(leg: Leg) -> Address | None:
        """Return where the leg's RTCP goes."""
        if leg.rtcp_source is not None:
            return leg.rtcp_source
        if leg.stream is None or leg.signalled is None or leg.stream.rtcp_port <= 0:
            return None
        if leg.source is not None and leg.source[0] != leg.signalled[0]:
            return leg.source[0], leg.source[
                1
            ] + 1  # behind NAT: the next port, as RFC 3550 section 11 has it
        return leg.signalled[0], leg.stream.rtcp_port

    def _report(self, row: int, now: float) -> bytes:
        """Build an SR if the leg has sent since the last report, else an RR."""
        sender = self._sender
        info = None
        if sender.packets[row] != self._sent[row]:
            self._sent[row] = sender.packets[row]
            info = rtcp.SenderInfo(
                rtcp.ntp_time(self.clock()),
                sender.clock(row),
                int(sender.packets[row]),
                int(sender.payload_octets[row]),
            )
        blocks = [self._block(row, now)] if self._receiver.known[row] else []
        return rtcp.build_report(int(sender.ssrc[row]), info, blocks, self._cname)

    def _block(self, row: int, now: float) -> rtcp.Block:
        """Build the report on what the peer sends."""
        receiver = self._receiver
        expected = int(receiver.highest[row]) + 1 - int(receiver.base[row])
        received = int(receiver.packets[row])
        expected_now = expected - int(self._expected[row])
        lost_now = max(expected_now - (received - int(self._received[row])), 0)
        self._expected[row], self._received[row] = expected, received
        last = int(self._last[row])
        return rtcp.Block(
            ssrc=int(receiver.ssrc[row]),
            fraction_lost=min(lost_now * 256 // expected_now, 255) if expected_now > 0 else 0,
            lost=expected - received,
            highest=int(receiver.highest[row]) & 0xFFFFFFFF,
            jitter=int(receiver.jitter[row]),
            last_report=last,
            delay=min(int((now - float(self._last_at[row])) * 65536), 0xFFFFFFFF) if last else 0,
        )
