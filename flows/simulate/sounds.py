"""How long prompts last where nothing is heard."""

from __future__ import annotations

import re

CHARACTERS_PER_SECOND = 15.0  # of speech
SHORTEST = 0.5  # seconds
FILE = 3.0  # seconds: nothing is read
BEEP = 0.5  # seconds
_TAG = re.compile(r"<[^>]*>")


def spoken(text: str) -> str:
    """Return a text without the tags of SSML."""
    return " ".join(_TAG.sub(" ", text).split()) if "<" in text else text


def seconds_of(text: str) -> float:
    """Return about how long it takes to speak a text."""
    return round(max(SHORTEST, len(spoken(text)) / CHARACTERS_PER_SECOND), 1)
