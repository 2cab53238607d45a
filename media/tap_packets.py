"""The packets of a tap's socket: bare samples for this server's own control process, RTP for others (RFC 3550).

Sound is int16 at the tap's rate inside, 20 ms in each packet that leaves. Packets that arrive may be of any length.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from media.messages import TapRtp
from media.rtp import is_rtcp, payload_span, read_header, write_header

_LAWS = {"PCMU": (ULAW_ENCODE, ULAW_DECODE), "PCMA": (ALAW_ENCODE, ALAW_DECODE)}
CODECS = (*_LAWS, "L16")
_LATE = 100  # packets that a packet may be behind the newest one without being taken for a new beginning


class Packets(Protocol):
    """One form of packets, with what it has to remember."""

    sequence: int
    timestamp: int

    def wrap(self, frame: NDArray[np.int16]) -> bytes:
        """Return the packet of the next 20 ms."""
        ...

    def unwrap(self, packet: bytes) -> bytes | None:
        """Return the samples of a packet that came (int16, little endian); None: it is not to be played."""
        ...

    def skip(self, samples: int) -> None:
        """Let time pass in which nothing was sent."""
        ...


class SamplePackets:
    """Samples as they are, int16, little endian."""

    def __init__(self) -> None:
        self.sequence = self.timestamp = 0

    def wrap(self, frame: NDArray[np.int16]) -> bytes:
        """Return the samples."""
        return frame.astype("<i2", copy=False).tobytes()

    def unwrap(self, packet: bytes) -> bytes | None:
        """Return the samples."""
        return packet if len(packet) % 2 == 0 else None

    def skip(self, samples: int) -> None:
        """Bare samples have no time."""


class RtpPackets:
    """RTP with G.711, or linear samples in network byte order (RFC 3551 section 4.5.11)."""

    def __init__(self, rtp: TapRtp) -> None:
        if rtp.codec not in CODECS:
            raise ValueError(f"no codec {rtp.codec!r} for a tap: one of {', '.join(CODECS)}")
        self._rtp = rtp
        self._laws = _LAWS.get(rtp.codec)
        self.sequence = 0
        self.timestamp = 0
        self._newest: int | None = None  # sequence number that came
        self._ssrc = 0

    def wrap(self, frame: NDArray[np.int16]) -> bytes:
        """Return the next packet; its first one is marked (RFC 3551 section 4.1)."""
        header = write_header(
            self._rtp.payload_type, self.sequence, self.timestamp, self._rtp.ssrc, marker=not self.sequence
        )
        self.sequence += 1
        self.timestamp += len(frame)
        if self._laws is None:
            return header + frame.astype(">i2").tobytes()
        return header + self._laws[0].take(frame.view(np.uint16)).tobytes()

    def unwrap(self, packet: bytes) -> bytes | None:
        """Return the samples of a packet of our payload type that is not late."""
        header, span = read_header(packet), payload_span(packet)
        if header is None or span is None or is_rtcp(packet[1]):
            return None
        if header.payload_type != self._rtp.payload_type or not self._is_next(header.sequence, header.ssrc):
            return None
        payload = packet[slice(*span)]
        if self._laws is None:
            even = len(payload) & ~1
            return np.frombuffer(payload[:even], ">i2").astype("<i2").tobytes()
        return self._laws[1].take(np.frombuffer(payload, np.uint8)).astype("<i2", copy=False).tobytes()

    def skip(self, samples: int) -> None:
        """Let the clock go on."""
        self.timestamp += samples

    def _is_next(self, sequence: int, ssrc: int) -> bool:
        newest, same = self._newest, ssrc == self._ssrc
        if newest is not None and same and (newest - sequence) & 0xFFFF < _LATE:
            return False
        self._newest, self._ssrc = sequence, ssrc
        return True
