"""Amounts and the digits between which people put commas, points and blanks."""

from __future__ import annotations

import re

from voipbin_sip.speech.normalise.words import Words


def plain_number(text: str, words: Words) -> str:
    """Return an amount without anything between its thousands: "12,500" becomes "12500", "1.234,5" "1234,5"."""
    return re.sub(f"(?<=\\d)[{re.escape(words.grouping)}](?=\\d{{3}}(?!\\d))", "", text)


def amount(text: str, symbol: str, words: Words) -> str | None:
    """Return "12.50" and "$" as "12 dollars and 50 cents", or None if the language has no words for it."""
    names = words.currencies.get(symbol)
    match = re.fullmatch(r"(\d+)(?:[.,](\d{1,2}))?", plain_number(text, words))
    if names is None or match is None:
        return None
    unit, units, part, parts = names
    whole, cents = int(match[1]), int((match[2] or "0").ljust(2, "0"))
    large = unit if whole == 1 else f"{whole} {units}"
    small = part if cents == 1 else f"{cents} {parts}"
    if not cents:
        return large
    return f"{large} {words.conjunction} {small}" if whole else small
