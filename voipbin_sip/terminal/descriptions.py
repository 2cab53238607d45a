"""What the session descriptions within a leg's messages say (RFC 8866), as far as the messages are kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voipbin_sip.terminal.story import Leg

STATIC_CODECS = {
    "0": "PCMU",
    "3": "GSM",
    "4": "G723",
    "8": "PCMA",
    "9": "G722",
    "18": "G729",
}  # RFC 3551 table 4
_AUDIO = re.compile(r"^m=audio (\d+)(?:/\d+)? (\S+) ([\d ]+)", re.MULTILINE)
_RTPMAP = re.compile(r"^a=rtpmap:(\d+) +([^/\s]+)", re.MULTILINE)
_CONNECTION = re.compile(r"^c=IN IP[46] ([^\s/]+)", re.MULTILINE)
_WILDCARDS = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Offer:
    """A stream of sound that was offered (RFC 8866 section 5.14)."""

    protocol: str  # "RTP/AVP"
    codecs: Sequence[str]

    @property
    def is_encrypted(self) -> bool:
        """Whether it is SRTP (RFC 3711)."""
        return "SAVP" in self.protocol

    @property
    def is_webrtc(self) -> bool:
        """Whether its keys come by DTLS (RFC 5764)."""
        return self.protocol.startswith("UDP/TLS/")


@dataclass(frozen=True, slots=True)
class Told:
    """Where the other side of a leg was told to send its sound."""

    host: str
    port: int
    own: str  # the address at which this server talks SIP with it, "" where that is not known

    @property
    def is_ours(self) -> bool:
        """Whether both are the same."""
        return self.host == self.own


def offer_of(leg: Leg) -> Offer | None:
    """Return the first offer of sound, whoever made it."""
    for message in leg.messages:
        if (line := _AUDIO.search(message.text)) is not None:
            named = dict(_RTPMAP.findall(message.text))
            names = [named.get(kind) or STATIC_CODECS.get(kind, f"type {kind}") for kind in line[3].split()]
            codecs = [*dict.fromkeys(name for name in names if name.lower() != "telephone-event")]
            return Offer(line[2], codecs)
    return None


def told_address(leg: Leg) -> Told | None:
    """Return where our newest description points (RFC 8866 sections 5.7 and 5.14)."""
    for message in reversed(leg.messages):
        if message.incoming:
            continue
        address, stream = _CONNECTION.search(message.text), _AUDIO.search(message.text)
        if address is not None and stream is not None:
            own = message.source.rpartition(":")[0].strip("[]")
            return Told(address[1], int(stream[1]), "" if own in _WILDCARDS else own)
    return None
