"""The CSeq header (RFC 3261 section 20.16)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.params import TOKEN

_CSEQ = re.compile(r"(\d++)\s++(" + TOKEN + ")", re.ASCII)
_LIMIT = 2**31  # section 8.1.1.5


@dataclass(frozen=True, slots=True)
class CSeq:
    """A sequence number and the method it belongs to."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_cseq(text: str) -> CSeq:
    """Parse a CSeq value; raises RemoteProtocolError, also for numbers that do not fit 31 bits."""
    match = _CSEQ.fullmatch(text)
    if match is None:
        raise RemoteProtocolError(400, "Bad CSeq")
    digits = match[1]
    if len(digits) > 10:  # leading zeros are legal, but int() of thousands of digits is slow
        digits = digits.lstrip("0") or "0"
    if len(digits) > 10 or (number := int(digits)) >= _LIMIT:
        raise RemoteProtocolError(400, "CSeq Number Out Of Range")
    return CSeq(number, match[2])
