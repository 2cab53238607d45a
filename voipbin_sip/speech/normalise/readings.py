"""What SSML's say-as asks for: a text read as digits, letters, a phone number, a time, a date or a number."""

from __future__ import annotations

import re

from voipbin_sip.speech.language import Tag
from voipbin_sip.speech.normalise import clock, digits, money
from voipbin_sip.speech.normalise.text import normalise
from voipbin_sip.speech.normalise.words import Words, words


def read_as(text: str, reading: str, form: str, tag: Tag) -> str:
    """Return a text as say-as wants it read; what does not fit (letters as a date) is read as ordinary text.

    `reading` is one of digits, characters, telephone, time, date, cardinal, ordinal; `form` the format of a
    date.
    """
    own = words(tag)
    stripped = text.strip()
    result = _read(stripped, reading, form, tag, own)
    if result is None:
        return normalise(text, tag)
    return f"{' ' * text[:1].isspace()}{result}{' ' * (len(text) > 1 and text[-1:].isspace())}"


def _read(text: str, reading: str, form: str, tag: Tag, own: Words) -> str | None:
    match reading:
        case "digits":
            return digits.spell(text, own) or None
        case "characters":
            return _characters(text, own) or None
        case "telephone":
            return _telephone(text, own)
        case "time":
            return clock.time_of_day(text, tag)
        case "date":
            return clock.date(text, tag, own, form)
        case "cardinal":
            number = money.plain_number(text, own)
            return number if re.fullmatch(r"[-−]?\d+(?:[.,]\d+)?", number) else None
        case "ordinal":
            return _ordinal(text, tag, own)
        case _:
            return None


def _characters(text: str, own: Words) -> str:
    """Return letters and digits one by one; the commas keep engines from making words of them."""
    names = {"#": own.pound or "#", "*": own.star or "*", "+": own.plus, ".": own.dot, "@": own.at}
    found = []
    for mark in text:
        if mark.isdecimal():
            found.append(own.digits[int(mark)])
        elif mark.isalpha():
            found.append(mark if len(mark.upper()) > 1 else mark.upper())
        elif names.get(mark):
            found.append(names[mark])
    return ", ".join(found)


def _telephone(text: str, own: Words) -> str | None:
    if re.search(r"[*#]", text):
        return digits.spell(text, own)
    return digits.phone(text, own) or None


def _ordinal(text: str, tag: Tag, own: Words) -> str | None:
    match = re.fullmatch(r"(\d{1,9})(?:st|nd|rd|th|\.|º|ª|er|e|ème)?", text)
    if match is None:
        return None
    number = int(match[1])
    if 1 <= number <= len(own.ordinals):
        return own.ordinals[number - 1]
    match tag.language:
        case "en":
            teen = number % 100 in (11, 12, 13)
            return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
        case "fr":
            return f"{number}e"
        case "es" | "it" | "pt":
            return f"{number}º"
        case _:
            return f"{number}."
