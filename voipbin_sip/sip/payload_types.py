"""RTP payload types and what they stand for in a description (RFC 3551, RFC 8866 section 6.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RtpMap:
    """The encoding behind a payload type."""

    name: str  # as written; compare without case
    clock: int  # Hz
    channels: int = 1


# RFC 3551 table 4: payload types that need no rtpmap.
STATIC_PAYLOADS = {
    0: RtpMap("PCMU", 8000),
    3: RtpMap("GSM", 8000),
    4: RtpMap("G723", 8000),
    5: RtpMap("DVI4", 8000),
    6: RtpMap("DVI4", 16000),
    7: RtpMap("LPC", 8000),
    8: RtpMap("PCMA", 8000),
    9: RtpMap("G722", 8000),
    10: RtpMap("L16", 44100, 2),
    11: RtpMap("L16", 44100),
    12: RtpMap("QCELP", 8000),
    13: RtpMap("CN", 8000),
    14: RtpMap("MPA", 90000),
    15: RtpMap("G728", 8000),
    16: RtpMap("DVI4", 11025),
    17: RtpMap("DVI4", 22050),
    18: RtpMap("G729", 8000),
}

# What our media code, by the names that settings and `media.messages.Stream` have for it, with the payload types that
# we offer. L16 has no static ones at these rates (RFC 3551 section 4.5.11).
CODECS = {
    "PCMU": (0, STATIC_PAYLOADS[0]),
    "PCMA": (8, STATIC_PAYLOADS[8]),
    "G722": (9, STATIC_PAYLOADS[9]),
    "L16/8000": (96, RtpMap("L16", 8000)),
    "L16/16000": (97, RtpMap("L16", 16000)),
}
UNASKED = (
    "L16/8000",
    "L16/16000",
)  # taken where a peer offers them, but offered only where that is configured

_NAMES = {(encoding.name, encoding.clock): name for name, (_, encoding) in CODECS.items()}


def codec_name(encoding: RtpMap | None) -> str:
    """Return the name of an encoding in `CODECS`, "" if we do not have it."""
    if encoding is None or encoding.channels != 1:
        return ""
    return _NAMES.get((encoding.name.upper(), encoding.clock), "")


def digit_types(listed: Iterable[tuple[int, RtpMap | None]]) -> dict[int, int]:
    """Return the first payload type of telephone-event (RFC 4733) for each clock, in the order listed."""
    found: dict[int, int] = {}
    for number, encoding in listed:
        if encoding is not None and encoding.name.lower() == "telephone-event" and encoding.clock:
            found.setdefault(encoding.clock, number)
    return found
