"""How 20 ms of sound are written for a far side, and what it sends is read: bare, RTP or AudioSocket.

Samples are int16, little endian, on our side. One object serves one connection: it counts and keeps what is not
complete yet.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from media.rtp import payload_span, read_header, write_header
from voipbin_sip.streams import audiosocket
from voipbin_sip.streams.formats import FORMATS, Format

STREAM_PAYLOAD_TYPE = 96  # L16/8000/1 of media streams, as VoIPBIN has it


class FarEnded(Exception):  # noqa: N818 - reads as what happened
    """The far side has gone, or says that it goes."""


class Framing(Protocol):
    """One way to write sound."""

    def wrap(self, samples: bytes) -> bytes:
        """Return 20 ms as they are sent."""
        ...

    def unwrap(self, octets: bytes) -> bytes:
        """Return the samples in what has come, perhaps none. Raises FarEnded."""
        ...


class Bare:
    """Nothing but sound."""

    def __init__(self, format_: Format) -> None:
        self._format = format_
        self._odd = b""  # half a sample that came last

    def wrap(self, samples: bytes) -> bytes:
        """Return the sound in its format."""
        return self._format.encode(samples)

    def unwrap(self, octets: bytes) -> bytes:
        """Return whole samples."""
        if self._format.codec != "L16":
            return self._format.decode(octets)
        octets = self._odd + octets
        even = len(octets) & ~1
        self._odd = octets[even:]
        return octets[:even]


class RtpMessages:
    """An RTP packet in each message (RFC 3550 section 5.1); time stamps count samples, 160 in 20 ms of 8 kHz.

    Linear sound is in network byte order (RFC 3551 section 4.5.11).
    """

    def __init__(self, format_: Format, payload_type: int, ssrc: int = 0) -> None:
        self._format = format_
        self._payload_type = payload_type
        self._ssrc = ssrc
        self._sequence = self._timestamp = 0

    def wrap(self, samples: bytes) -> bytes:
        """Return the next packet."""
        header = write_header(
            self._payload_type, self._sequence, self._timestamp, self._ssrc, marker=not self._sequence
        )
        self._sequence += 1
        self._timestamp += len(samples) // 2
        if self._format.codec == "L16":
            return header + _swapped(samples)
        return header + self._format.encode(samples)

    def unwrap(self, octets: bytes) -> bytes:
        """Return the samples of a packet of our payload type; others are passed over."""
        header, span = read_header(octets), payload_span(octets)
        if header is None or span is None or header.payload_type != self._payload_type:
            return b""
        payload = octets[slice(*span)]
        if self._format.codec == "L16":
            return _swapped(payload[: len(payload) & ~1])
        return self._format.decode(payload)


class AudioSocketMessages:
    """AudioSocket; messages may come in pieces or several at once."""

    def __init__(self) -> None:
        self._reader = audiosocket.Reader()

    def wrap(self, samples: bytes) -> bytes:
        """Return a message of sound."""
        return audiosocket.frame(audiosocket.SOUND, samples)

    def unwrap(self, octets: bytes) -> bytes:
        """Return the sound in what is complete. Raises FarEnded where it hangs up or reports an error."""
        sound = bytearray()
        for kind, payload in self._reader.feed(octets):
            if kind in (audiosocket.HANG_UP, audiosocket.ERROR):
                raise FarEnded
            if kind == audiosocket.SOUND:
                sound += payload[: len(payload) & ~1]
        return bytes(sound)


def stream_framing(encapsulation: str) -> Framing:
    """Return how a media stream of this encapsulation is written: rtp, sln or audiosocket. Raises ValueError."""
    match encapsulation:
        case "rtp":
            return RtpMessages(FORMATS["slin"], STREAM_PAYLOAD_TYPE)
        case "sln":
            return Bare(FORMATS["slin"])
        case "audiosocket":
            return AudioSocketMessages()
    raise ValueError(f"no encapsulation {encapsulation!r}: one of rtp, sln, audiosocket")


def _swapped(samples: bytes) -> bytes:
    return np.frombuffer(samples, "<i2").byteswap().tobytes()
