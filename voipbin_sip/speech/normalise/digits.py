"""Numbers that are names, not amounts: phone numbers, codes and keys, read digit by digit in groups."""

from __future__ import annotations

import re

from voipbin_sip.speech.normalise.words import Words

# Country codes of two digits (ITU-T E.164, list of assigned country codes); +1 and +7 have one, others three.
_TWO_DIGITS = re.compile("2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
_CARD = 16  # digits of a payment card, printed in fours


def spell(text: str, words: Words) -> str:
    """Return digits and keys one after the other: "*67" becomes "star six seven"."""
    names = {"#": words.pound or "#", "*": words.star or "*", "+": words.plus}
    return " ".join(words.digits[int(mark)] if mark.isdecimal() else names[mark] for mark in _marks(text))


def phone(text: str, words: Words) -> str:
    """Return a phone number in groups, as written or else in threes: "plus one, five five five, ..."."""
    international = text.lstrip().startswith("+")
    if international:
        text = re.sub(r"\(0\)", " ", text)  # the 0 is only for callers inside the country
    parts = re.findall(r"\d+", text)
    groups: list[str] = []
    if international and parts:
        length = _country_code(parts[0])
        groups.append(f"{words.plus} {spell(parts[0][:length], words)}")
        parts[0] = parts[0][length:]
    for part in parts:
        groups += [spell(group, words) for group in split(part)]
    return ", ".join(groups)


def split(digits: str) -> list[str]:
    """Return digits in groups of two to four."""
    if len(digits) == _CARD:
        return [digits[at : at + 4] for at in range(0, _CARD, 4)]
    groups = []
    while len(digits) > 4:
        groups.append(digits[:3])
        digits = digits[3:]
    return [*groups, digits] if digits else groups


def _country_code(digits: str) -> int:
    if digits[0] in "17":
        return 1
    return 2 if _TWO_DIGITS.match(digits) else 3


def _marks(text: str) -> list[str]:
    return [mark for mark in text if mark.isdecimal() or mark in "#*+"]
