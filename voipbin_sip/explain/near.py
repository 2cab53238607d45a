"""What somebody probably meant to dial."""

from __future__ import annotations

from flows.findings import did_you_mean
from voipbin_sip.directory import Directory

_KINDS = ("conference", "extension", "tel")  # that may stand before what is dialled
_ENOUGH = 5  # digits at the end that two numbers must share


def near(text: str, directory: Directory) -> str:
    """Return "; did you mean '+15550100'?" for the number, extension or conference most like a text, or nothing."""
    numbers = [entry.number for entry in directory.numbers.values() if entry.flow]
    kind, colon, name = text.partition(":")
    text = name if colon and kind.lower() in _KINDS else text
    digits = "".join(char for char in text if char.isdigit())
    for number in numbers:
        ours = number.lstrip("+")
        if min(len(ours), len(digits)) >= _ENOUGH and (digits.endswith(ours) or ours.endswith(digits)):
            return f"; did you mean '{number}'?"
    return did_you_mean(text, [*numbers, *directory.extensions, *directory.conferences])
