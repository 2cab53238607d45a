"""Texts that others have chosen, made fit for a terminal and for lines of a log."""

from __future__ import annotations


def clean(text: str) -> str:
    """Return a text with · for what no terminal should be sent: callers choose their names.

    Escape sequences, ends of lines and marks that turn the direction of writing (Unicode category Cf) are such.
    """
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "·" for letter in text)
