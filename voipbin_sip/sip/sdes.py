"""Keys for SRTP in descriptions: a=crypto lines (SDES, RFC 4568), and which of them one side takes.

A peer that repeats its line in a later offer keeps its key and gets ours again; one that brings a new key gets a new
one of ours too, because many phones begin all their SRTP anew then and would not follow our rollover counter. Lines
with an MKI, several keys or parameters that change what is protected are passed over, as are unknown suites.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError

SrtpPolicy: TypeAlias = Literal["off", "optional", "required"]

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")  # RFC 4568 section 6.2, the better one first
KEY = 30  # octets: master key of 16, master salt of 14
SECURE = ("RTP/SAVP", "RTP/SAVPF")  # RFC 3711 section 12, RFC 5124
PLAIN = ("RTP/AVP", "RTP/AVPF")

_LINE = re.compile(r"(\d{1,9}+)[ \t]++(\S++)[ \t]++(\S++)((?:[ \t]++\S++)*+)[ \t]*+", re.ASCII)
_INLINE = re.compile(
    r"inline:([A-Za-z0-9+/]{40}+)(?:\|(?:2\^\d{1,2}+|\d{1,15}+))?+", re.ASCII | re.IGNORECASE
)
_HARMLESS = re.compile(r"(?:KDR=0|WSH=\d+|-\S+)", re.ASCII | re.IGNORECASE)  # RFC 4568 section 6.3


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line that we can use."""

    tag: int
    suite: str
    key: bytes = field(repr=False)  # master key and salt of its sender

    def __str__(self) -> str:
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


@dataclass(frozen=True, slots=True)
class SrtpAgreement:
    """The keys of a stream; names and meanings as in `media.messages.SrtpKeys`."""

    tag: int
    suite: str
    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)

    @property
    def ours(self) -> Crypto:
        """The line with our key."""
        return Crypto(self.tag, self.suite, self.send)


@dataclass(frozen=True, slots=True)
class LocalSrtp:
    """What our side brings to a negotiation.

    `accepts` is for offers that come: "optional" prefers SRTP and takes plain RTP, "required" takes SRTP only.
    `offers` makes our own offers RTP/SAVP. `keys` are random, of 30 octets, one for each suite, and never used before.
    """

    accepts: SrtpPolicy = "off"
    offers: bool = False
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    agreed: SrtpAgreement | None = None  # what the session uses so far

    def offer(self) -> list[Crypto]:
        """Return the lines of our offer: those agreed again, or one for each suite."""
        if self.agreed is not None:
            return [self.agreed.ours]
        if len(self.keys) < len(SUITES):
            raise LocalProtocolError("no keys to offer SRTP with")
        return [
            Crypto(tag, suite, key)
            for tag, (suite, key) in enumerate(zip(SUITES, self.keys, strict=False), 1)
        ]

    def answer(self, lines: list[Crypto]) -> SrtpAgreement | None:
        """Take the first line of an offer; None if there is none. Lines in use go on as they are."""
        if not lines:
            return None
        line, agreed = lines[0], self.agreed
        if agreed is not None and (agreed.suite, agreed.receive) == (line.suite, line.key):
            return SrtpAgreement(line.tag, line.suite, agreed.send, line.key)
        if not self.keys:
            raise LocalProtocolError("no key to answer SRTP with")
        return SrtpAgreement(line.tag, line.suite, self.keys[0], line.key)


def read_crypto(values: list[str]) -> list[Crypto]:
    """Return the a=crypto lines that we can use, in the order they came."""
    lines = []
    for value in values:
        match = _LINE.fullmatch(value)
        suite = match[2].upper() if match else ""
        inline = _INLINE.fullmatch(match[3]) if match else None
        if match and inline and suite in SUITES and all(map(_HARMLESS.fullmatch, match[4].split())):
            try:
                lines.append(Crypto(int(match[1]), suite, base64.b64decode(inline[1], validate=True)))
            except binascii.Error:
                continue
    return lines


def settle(offered: list[Crypto], answered: list[Crypto]) -> SrtpAgreement:
    """Return what an answer makes of our lines. Raises RemoteProtocolError 488 if it took none of them."""
    for theirs in answered:
        for ours in offered:
            if (ours.tag, ours.suite) == (theirs.tag, theirs.suite):
                return SrtpAgreement(ours.tag, ours.suite, ours.key, theirs.key)
    raise RemoteProtocolError(488, "Attribute not understood")
