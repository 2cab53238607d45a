"""Digits in INFO bodies: application/dtmf-relay and application/dtmf, as phones have sent them for twenty years.

No RFC describes them. dtmf-relay has lines `Signal=5` and `Duration=160`; dtmf is the digit alone, or an event
number as in RFC 4733 (10 is *, 11 is #, 16 a hook flash).
"""

from __future__ import annotations

from voipbin_sip.sip.errors import RemoteProtocolError

CONTENT_TYPES = frozenset(("application/dtmf-relay", "application/dtmf"))
FLASH = "flash"

_DIGITS = "0123456789*#ABCD"
_EVENTS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "16": FLASH}
_DURATION = 160  # ms, where the body names none
_LONGEST = 10_000  # ms


def parse_digit(body: bytes) -> tuple[str, int]:
    """Return the digit (or FLASH) and its duration in ms. Raises RemoteProtocolError(400)."""
    signal = ""
    duration = _DURATION
    for line in body[:256].decode("ascii", "replace").splitlines():
        name, equals, value = line.partition("=")
        name, value = name.strip().lower(), value.strip()
        if not equals and name and not signal:
            signal = name
        elif name == "signal":
            signal = value
        elif name == "duration" and value.isascii() and value.isdigit():
            duration = min(int(value[:6]), _LONGEST)
    digit = signal.strip('"').upper()
    digit = _EVENTS.get(digit, FLASH if digit in ("!", "FLASH", "HF") else digit)
    if digit != FLASH and (len(digit) != 1 or digit not in _DIGITS):
        raise RemoteProtocolError(400, "No Digit In Body")
    return digit, duration


def format_digit(digit: str, duration: int) -> bytes:
    """Return an application/dtmf-relay body; `duration` in ms."""
    return f"Signal={digit}\r\nDuration={duration}\r\n".encode("ascii")


def is_digit(text: str) -> bool:
    """Return whether the text is one digit that a telephone has."""
    return len(text) == 1 and text in _DIGITS
