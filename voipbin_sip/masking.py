"""Telephone numbers in log lines: the middle is left out. Whole ones stand only in lines of level debug."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\+?\d{7,}")
SHOWN_FIRST = 5  # with the +: country code and what tells an area or a kind of number
SHOWN_LAST = 2


def masked(text: str) -> str:
    """Return a text in which every telephone number (7 digits and more) lacks its middle: +4930…56."""
    return _NUMBER.sub(lambda match: f"{match[0][:SHOWN_FIRST]}…{match[0][-SHOWN_LAST:]}", text)


def unmasked(text: str, known: str) -> str:
    """Return a masked text with those numbers whole that stand in another text: who has typed them may see them."""
    for number in dict.fromkeys(_NUMBER.findall(known)):
        text = text.replace(masked(number), number)
    return text
