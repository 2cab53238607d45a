"""The sound formats of external media, with Asterisk's names: what they are in RTP and as bare octets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from media.codecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE

_LAWS = {"PCMU": (ULAW_ENCODE, ULAW_DECODE), "PCMA": (ALAW_ENCODE, ALAW_DECODE)}


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        codec: as RTP calls it.
        payload_type: in RTP; G.711's are static (RFC 3551), those of linear sound are the ones that Asterisk uses.
    """

    name: str
    codec: str
    rate: int
    payload_type: int

    def encode(self, samples: bytes) -> bytes:
        """Return int16 samples (little endian) as bare octets; linear sound stays as it is."""
        laws = _LAWS.get(self.codec)
        return samples if laws is None else laws[0].take(np.frombuffer(samples, "<u2")).tobytes()

    def decode(self, octets: bytes) -> bytes:
        """Return bare octets as int16 samples, little endian."""
        laws = _LAWS.get(self.codec)
        if laws is None:
            return octets
        return laws[1].take(np.frombuffer(octets, np.uint8)).astype("<i2", copy=False).tobytes()


FORMATS = {
    format_.name: format_
    for format_ in (
        Format("ulaw", "PCMU", 8000, 0),
        Format("alaw", "PCMA", 8000, 8),
        Format("slin", "L16", 8000, 11),
        Format("slin16", "L16", 16000, 118),
    )
}
