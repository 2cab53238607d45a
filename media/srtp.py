"""SRTP and SRTCP of one leg (RFC 3711): packets out protected, packets in verified and opened, keys changed.

libsrtp keeps the rollover counters and replay lists and lets nobody read them. A leg that moves to another worker
takes along how far each stream had come; there new sessions are run forward to that place with empty packets,
which is a few microseconds for each 16,384 packets of the call. Starting anew would be worse than silence: the same
key stream twice (RFC 3711 section 9.1).
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import msgspec
from pylibsrtp import Error, Policy, Session

from media.messages import SrtpKeys
from media.rtp import is_rtcp

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
KEY = 30  # octets: master key of 16, master salt of 14
MAX_SOURCES = 64  # SSRCs of one key; libsrtp keeps each for good and looks through them one by one

_BLOCK = 256  # sequence numbers
_STEP = 0x4000  # sequence numbers between two empty packets: less than half of their range
_MOST = (
    20_000  # empty packets to run forward with, weeks of a call: who claims more only wants to keep us busy
)
_RTCP_TRAILER = 14  # octets: E flag and index, tag of 80 bits (RFC 3711 section 3.4)


class Progress(msgspec.Struct, array_like=True):
    """How far the streams of one key have come, by SSRC as on the wire."""

    blocks: dict[bytes, int] = msgspec.field(
        default_factory=dict
    )  # of 256 sequence numbers, rollovers included
    reports: dict[bytes, int] = msgspec.field(default_factory=dict)  # SRTCP index of the newest


class SrtpPast(msgspec.Struct, array_like=True):
    """What a leg's SRTP takes along to another engine, beside its keys."""

    sent: Progress
    heard: Progress


class _Direction:
    """One key: its session, and how far it has come."""

    __slots__ = ("_make", "_ssrc", "_top", "progress", "session")

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make = make
        self.session = make()
        self.progress = Progress()
        self._ssrc = b""
        self._top = -1  # upper octet of the sequence number seen last

    def note(self, packet: bytes) -> None:
        """Take note of a good RTP packet; most do not begin a block."""
        if packet[2] == self._top and packet[8:12] == self._ssrc:
            return
        self._top, self._ssrc = packet[2], packet[8:12]
        blocks = self.progress.blocks
        block = blocks.get(self._ssrc)
        if block is None:
            if len(blocks) >= MAX_SOURCES:
                self.session = self._make()
                blocks.clear()
            blocks[self._ssrc] = self._top
        else:
            step = (self._top - block) & 0xFF
            if step < 128:  # else it was overtaken
                blocks[self._ssrc] = block + step

    def note_report(self, packet: bytes) -> None:
        """Take note of a good SRTCP packet, as on the wire."""
        index = int.from_bytes(packet[-_RTCP_TRAILER : 4 - _RTCP_TRAILER], "big") & 0x7FFFFFFF
        ssrc, reports = packet[4:8], self.progress.reports
        if ssrc not in reports and len(reports) >= MAX_SOURCES:
            self.session = self._make()
            reports.clear()
        reports[ssrc] = index


class Srtp:
    """Both directions of a leg. Nothing here raises for what a peer sends."""

    def __init__(self, keys: SrtpKeys) -> None:
        self._keys = keys
        self._out = _Direction(lambda: _session(keys.suite, keys.send, Policy.SSRC_ANY_OUTBOUND))
        self._in = _Direction(lambda: _session(keys.suite, keys.receive, Policy.SSRC_ANY_INBOUND))
        self._former: _Direction | None = (
            None  # the peer's key before, until its first packet with the new one
        )

    def change(self, keys: SrtpKeys) -> None:
        """Use what signalling has agreed anew; a direction whose key stays goes on as if nothing had been."""
        before, self._keys = self._keys, keys
        if (keys.suite, keys.send) != (before.suite, before.send):
            self._out = _Direction(lambda: _session(keys.suite, keys.send, Policy.SSRC_ANY_OUTBOUND))
        if (keys.suite, keys.receive) != (before.suite, before.receive):
            self._former = self._in
            self._in = _Direction(lambda: _session(keys.suite, keys.receive, Policy.SSRC_ANY_INBOUND))

    def protect(self, packet: bytes) -> bytes:
        """Encrypt and sign an RTP packet; its sequence number must be a new one."""
        self._out.note(packet)
        return self._out.session.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt and sign an RTCP packet."""
        protected = self._out.session.protect_rtcp(packet)
        self._out.note_report(protected)
        return protected

    def unprotect(self, packet: bytes) -> bytes:
        """Return what came on the RTP port as it was before; empty if it is forged, replayed or not protected."""
        current = self._in
        try:
            plain = current.session.unprotect(packet)
        except (Error, ValueError):  # ValueError: longer than any packet that we take
            return self._unprotect_otherwise(packet)
        current.note(packet)
        if self._former is not None:
            self._former = None
        return plain

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Return an RTCP packet as it was before; empty as above."""
        for direction in (self._in, self._former):
            if direction is not None:
                with contextlib.suppress(Error, ValueError):
                    plain = direction.session.unprotect_rtcp(packet)
                    direction.note_report(packet)
                    return plain
        return b""

    def _unprotect_otherwise(self, packet: bytes) -> bytes:
        """Try RTCP on the RTP port (RFC 5761), and the key that was in use until a moment ago."""
        if len(packet) > 1 and is_rtcp(packet[1]):
            return self.unprotect_rtcp(packet)
        if self._former is not None:
            with contextlib.suppress(Error, ValueError):
                return self._former.session.unprotect(packet)
        return b""

    @property
    def past(self) -> SrtpPast:
        """How far both directions have come."""
        return SrtpPast(self._out.progress, self._in.progress)

    def run_forward(self, past: SrtpPast) -> None:
        """Go on where the same keys were left."""
        for packet in _empty_packets(past.sent):
            self.protect(packet)
        for report in _empty_reports(past.sent):
            self.protect_rtcp(report)
        peer = _session(self._keys.suite, self._keys.receive, Policy.SSRC_ANY_OUTBOUND)
        for packet in _empty_packets(past.heard):
            self.unprotect(peer.protect(packet))
        last = b""
        for report in _empty_reports(past.heard):
            protected = peer.protect_rtcp(report)
            if last and report[4:8] != last[4:8]:
                self.unprotect_rtcp(last)
            last = protected
        if last:
            self.unprotect_rtcp(last)


def _session(suite: str, key: bytes, direction: int) -> Session:
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=SUITES[suite]))


def _empty_packets(progress: Progress) -> list[bytes]:
    """Return RTP packets whose sequence numbers lead a new session to where the streams were."""
    return [
        struct.pack("!BBHI", 0x80, 0, number & 0xFFFF, 0) + ssrc
        for ssrc, block in progress.blocks.items()
        for last in (block * _BLOCK,)
        if last <= _MOST // len(progress.blocks) * _STEP
        for number in (*range(last & 0xFFFF, last, _STEP), last)
    ]


def _empty_reports(progress: Progress) -> list[bytes]:
    """Return RTCP packets, as many for each SSRC as were sent before."""
    return [
        struct.pack("!BBH", 0x80, 201, 1) + ssrc
        for ssrc, index in progress.reports.items()
        if index <= _MOST // len(progress.reports)
        for _ in range(index)
    ]
