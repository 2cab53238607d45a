"""Running text: one pass, in which each stretch is taken by the first kind that it looks like.

What a pattern takes is not looked at again, so the patterns that only protect (decimals, ranges, versions)
matter as much as those that rewrite.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from voipbin_sip.speech.language import Tag
from voipbin_sip.speech.normalise import clock, digits, money
from voipbin_sip.speech.normalise.words import words

_DASH = "[-\u2010-\u2013]"
_GAP = r"[ ./\-\u2010-\u2013]"  # inside phone numbers
_MERIDIEM = r"(?:\s?[ap]\.?\s?m\b\.?)?"
_WITH_MERIDIEM = frozenset({"en", "es"})  # elsewhere "am" is a word ("um 9:30 am Montag")


@lru_cache(maxsize=64)
def _pattern(grouping: str, meridiem: bool) -> re.Pattern[str]:
    """Return all kinds, in order, as one pattern. Every part is bounded, so that no text takes long."""
    between = f"[{re.escape(grouping)}]"
    number = rf"\d{{1,12}}(?:{between}\d{{3}})*(?:[.,]\d{{1,2}})?(?![.,]?\d)"
    time = rf"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?!\d){_MERIDIEM if meridiem else ''}(?:\s?uhr\b)?"
    kinds = {
        "address": r"(?:https?://|www\.)[^\s<>]+|[\w.+\-]{1,64}@[\w\-]+(?:\.[\w\-]+)+",
        "day": r"(?<![\w.,/\-])(?:\d{4}-\d\d?-\d\d?|\d\d?(?P<point>[./\-])\s?\d\d?(?P=point)\s?\d{4})(?![\w/\-])",
        "hours": rf"(?<![\w.,:]){time}\s?{_DASH}\s?{time}",
        "time": rf"(?<![\w.,:])(?:{time}|(?:[01]?\d|2[0-4])(?:\s?h\s?[0-5]\d(?!\w)|\.[0-5]\d\s?uhr\b))",
        "before": rf"(?<!\w)[$€£]\s?{number}(?!\s?(?:[km]|bn|[mb]illion)\b)",
        "after": rf"(?<![\w.,]){number}\s?[$€£]",
        "e164": r"(?<!\w)\+\d(?:[ .()/\-\u2010-\u2013]{0,3}\d){5,17}(?!\d)",
        "american": rf"(?<![\w.,\-])(?:1{_GAP})?(?:\(\d{{3}}\)\s?|\d{{3}}{_GAP})\d{{3}}{_GAP}\d{{4}}(?![\w\-])",
        "local": r"(?<![\w.,\-])\d{3}-\d{4}(?![\w\-])",
        "national": rf"(?<![\w.,\-])\(?0\d{{1,5}}\)?(?:\s?{_GAP}\s?|\s)\d{{2,12}}(?:{_GAP}\d{{1,6}}){{0,6}}(?![\w\-])",
        "ninefold": r"(?<![\w.,\-])[6-9]\d{2}(?: \d{3}){2}(?![\w\-])",
        "always": r"(?<![\w.,/])24/7(?![\w/])",
        "grouped": rf"(?<![\w.,])[1-9]\d{{0,2}}(?:{between}\d{{3}})+(?:[.,]\d+)?(?!\w)",
        "version": r"(?<!\w)\d+(?:\.\d+){2,}(?!\w)",
        "decimal": r"(?<!\w)\d+[.,]\d+(?!\d)",
        "relation": rf"(?<!\w)\d+(?:\s?(?:{_DASH}|[/:])\s?\d+)+(?!\d)",
        "emphasis": r"(?<![\w*])(?P<stars>\*{1,3})(?=[^\W\d])[^*\n]{1,200}?(?P=stars)(?![\w*])",
        "keys": r"(?<![\w*#])(?=\d{0,20}[*#])[\d*#]+(?!\w)",
        "string": r"(?<!\w)\d+(?!\w)",
        "sign": r"[&<>]",
    }
    return re.compile("|".join(f"(?P<{kind}>{part})" for kind, part in kinds.items()), re.IGNORECASE)


def normalise(text: str, tag: Tag) -> str:
    """Return plain text as an engine should read it; blanks at the ends are kept, as one."""
    text = re.sub(r"\s+", " ", _clean(text))
    return re.sub(r" {2,}", " ", _Reading(tag).read(text))


def _clean(text: str) -> str:
    """Return text without control characters, private use, emoji and other symbols that nobody can say."""
    return "".join(
        mark if unicodedata.category(mark) not in _UNSPEAKABLE or mark in "\n\t\u200c\u200d°" else " "
        for mark in unicodedata.normalize("NFC", text)
    )


_NINEFOLD = frozenset({"es", "pt", "pl"})  # phone numbers of nine digits in threes
_UNSPEAKABLE = frozenset({"Cc", "Cs", "Co", "Cn", "So"})


class _Reading:
    """How each kind is read in one language."""

    def __init__(self, tag: Tag) -> None:
        self._tag = tag
        self._words = words(tag)
        self._codes = _code_pattern(self._words.codes, self._words.copula)
        self._pattern = _pattern(self._words.grouping, tag.language in _WITH_MERIDIEM)
        self._readers: dict[str, Callable[[re.Match[str]], str | None]] = {
            "address": self._address,
            "day": lambda match: clock.date(match[0], tag, self._words),
            "hours": self._hours,
            "time": lambda match: clock.time_of_day(match[0], tag),
            "before": lambda match: money.amount(match[0][1:].strip(), match[0][0], self._words),
            "after": lambda match: money.amount(match[0][:-1].strip(), match[0][-1], self._words),
            "e164": self._phone,
            "american": self._phone,
            "national": self._phone,
            "local": self._local,
            "ninefold": lambda match: self._phone(match) if tag.language in _NINEFOLD else None,
            "always": lambda match: "24 7",
            "grouped": lambda match: money.plain_number(match[0], self._words),
            "version": self._version,
            "emphasis": lambda match: self.read(match[0].strip("*")),
            "keys": self._keys,
            "string": self._string,
            "sign": self._sign,
        }

    def read(self, text: str) -> str:
        return self._pattern.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        kind = next(kind for kind, part in match.groupdict().items() if part is not None)
        reader = self._readers.get(kind)
        found = reader(match) if reader is not None else None
        return match[0] if found is None else found

    def _address(self, match: re.Match[str]) -> str:
        body = match[0].rstrip(".,;:!?)")
        rest = match[0][len(body) :]
        if not self._words.dot:
            return match[0]
        body = re.sub(r"^https?://", "", body).rstrip("/")
        body = body.replace(".", f" {self._words.dot} ").replace("@", f" {self._words.at} ")
        return body.replace("www", "W W W") + rest

    def _hours(self, match: re.Match[str]) -> str | None:
        ends = [clock.time_of_day(part, self._tag) for part in re.split(_DASH, match[0])]
        if not self._words.until or None in ends:
            return None
        return f"{ends[0]} {self._words.until} {ends[1]}"

    def _phone(self, match: re.Match[str]) -> str:
        return digits.phone(match[0], self._words)

    def _local(self, match: re.Match[str]) -> str:
        """Seven digits are a phone number, unless they look like a range such as 500-1000."""
        first, second = match[0].split("-")
        if second[0] != "0" and first[-1] == second[-1] == "0" and int(first) < int(second):
            return match[0]
        return digits.phone(match[0], self._words)

    def _version(self, match: re.Match[str]) -> str:
        return match[0].replace(".", f" {self._words.dot} ") if self._words.dot else match[0]

    def _keys(self, match: re.Match[str]) -> str:
        if self._words.number and re.fullmatch(r"#\d{1,3}", match[0]):
            return f"{self._words.number} {match[0][1:]}"
        return digits.spell(match[0], self._words)

    def _string(self, match: re.Match[str]) -> str:
        """Digits alone are an amount unless they are many, start with 0 or follow a word like "code"."""
        number = match[0]
        named = 3 <= len(number) <= 6 and self._codes is not None and self._codes.search(_before(match))
        if len(number) >= 7:
            return digits.phone(number, self._words)
        if named or (len(number) > 1 and number[0] == "0"):
            return digits.spell(number, self._words)
        return number

    def _sign(self, match: re.Match[str]) -> str:
        word = {"&": self._words.conjunction, "<": self._words.less, ">": self._words.greater}[match[0]]
        return f" {word} " if word else " "


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - 40) : match.start()]


@lru_cache(maxsize=64)
def _code_pattern(codes: str, copula: str) -> re.Pattern[str] | None:
    if not codes:
        return None
    return re.compile(rf"\b{codes}(?:\s+(?:{copula}))?[\s:.]*$", re.IGNORECASE)
