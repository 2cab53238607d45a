"""The sound of a call made by hand, in SRTP (`wire_sound.py` is the plain one): keys by SDES, sessions of its own."""

from __future__ import annotations

import base64
import os
import re

from pylibsrtp import Error, Policy, Session

from tests.phones.wire import WireCall
from tests.phones.wire_sound import Sound

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class SecureSound(Sound):
    """It offers one a=crypto line, and speaks once `agree` has read the server's."""

    proto = "RTP/SAVP"

    def __init__(self, event_type: int = 101, suite: str = "AES_CM_128_HMAC_SHA1_80") -> None:
        super().__init__(event_type)
        self.suite = suite
        self.forged = 0  # packets that came and did not verify
        self.theirs = b""
        self.plain = False  # send without SRTP
        self.sealed_packets: list[bytes] = []
        self._in: Session | None = None
        self.bring_key()

    def bring_key(self, key: bytes = b"") -> None:
        """Offer a key from now on, a new one if none is given, and send with it."""
        self.key = key or os.urandom(30)
        self.lines = f"a=crypto:3 {self.suite} inline:{base64.b64encode(self.key).decode()}\r\n"
        self._out = Session(Policy(self.key, Policy.SSRC_ANY_OUTBOUND, 0, SUITES[self.suite]))

    def agree(self, call: WireCall) -> None:
        """Take the server's line of its newest answer; sessions go on where its key is the same."""
        line = re.search(r"a=crypto:3 (\S+) inline:(\S{40})\r\n", call.answer)
        assert line, call.answer
        assert line[1] == self.suite
        key = base64.b64decode(line[2])
        if key != self.theirs:
            self.theirs = key
            self._in = Session(Policy(key, Policy.SSRC_ANY_INBOUND, 0, SUITES[self.suite]))

    def sealed(self, packet: bytes) -> bytes:
        if not self.plain:
            packet = self._out.protect(packet)
        self.sealed_packets.append(packet)
        return packet

    def resend(self, packet: bytes) -> None:
        """Send a packet again as it was on the wire."""
        assert self.transport is not None
        self.transport.sendto(packet, self.remote)

    def opened(self, data: bytes) -> bytes:
        if self._in is None:
            return b""
        try:
            return self._in.unprotect(data)
        except Error:
            self.forged += 1
            return b""
