"""Times of day and dates, in the words of each language."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

from voipbin_sip.speech.language import Tag
from voipbin_sip.speech.normalise.words import Words

_TIME = re.compile(
    r"(\d{1,2})(?:(?:[:.]|\s?h\s?)(\d{2}))?(?::\d{2})?\s*(?:uhr|h)?\s*(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE
)
_NUMBERS = re.compile(r"\d+")


def time_of_day(text: str, tag: Tag) -> str | None:
    """Return "14:30", "9:05 pm" or "14h30" in words, or None if it is no time."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if hour > 24 or minute > 59 or (half and not 1 <= hour <= 12):
        return None
    return _CLOCKS.get(tag.language, _plain)(hour, minute, half.upper() if half else "")


def _plain(hour: int, minute: int, half: str) -> str:
    if half == "P" and hour < 12:
        hour += 12
    return f"{hour} {minute}" if minute else f"{hour}"


def _english(hour: int, minute: int, half: str) -> str:
    after = f" {half}.M." if half else ""
    if minute:
        return f"{hour if hour else 'zero'} {minute if minute > 9 else f'oh {minute}'}{after}"
    if half:
        return f"{hour}{after}"
    if hour in (0, 24):
        return "midnight"
    return f"{hour} o'clock" if hour <= 12 else f"{hour} hundred"


def _german(hour: int, minute: int, half: str) -> str:
    hour = hour + 12 if half == "P" and hour < 12 else hour
    name = "ein" if hour == 1 else str(hour)
    return f"{name} Uhr {minute}" if minute else f"{name} Uhr"


def _french(hour: int, minute: int, half: str) -> str:
    hour = hour + 12 if half == "P" and hour < 12 else hour
    name = "une heure" if hour == 1 else f"{hour} heures"
    return f"{name} {minute}" if minute else name


def _spanish(hour: int, minute: int, half: str) -> str:
    hour = hour + 12 if half == "P" and hour < 12 else hour
    name = "una" if hour == 1 else str(hour)
    return f"{name} y {minute}" if minute else f"{name} en punto"


def _italian(hour: int, minute: int, half: str) -> str:
    hour = hour + 12 if half == "P" and hour < 12 else hour
    name = "una" if hour == 1 else str(hour)
    return f"{name} e {minute}" if minute else f"{name} in punto"


_CLOCKS: dict[str, Callable[[int, int, str], str]] = {
    "en": _english,
    "de": _german,
    "fr": _french,
    "es": _spanish,
    "it": _italian,
}


def date(text: str, tag: Tag, words: Words, order: str = "") -> str | None:
    """Return a date of three numbers in words, or None if it is none or the language has no months here.

    `order` is SSML's format ("mdy", "dmy", "ymd"); without one, ISO 8601 dates begin with the year, and the
    others are day first, but for the United States.
    """
    numbers = _NUMBERS.findall(text)
    if len(numbers) != 3 or not words.months:
        return None
    if sorted(order) != ["d", "m", "y"]:
        us = tag.language == "en" and tag.region in ("", "us")
        order = "ymd" if len(numbers[0]) == 4 else "mdy" if us and "." not in text else "dmy"
    fields = dict(zip(order, map(int, numbers), strict=True))
    try:
        day = datetime.date(fields["y"], fields["m"], fields["d"])
    except ValueError:
        return None
    month = words.months[day.month - 1]
    match tag.language:
        case "en":
            return f"{month} {day.day}, {day.year}"
        case "de":
            return f"{day.day}. {month} {day.year}"
        case "fr":
            return f"{'premier' if day.day == 1 else day.day} {month} {day.year}"
        case "es":
            return f"{day.day} de {month} de {day.year}"
        case _:
            return f"{day.day} {month} {day.year}"
