"""Telephone numbers as people and carriers write them, brought to E.164 (ITU-T E.164, RFC 3966)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

import phonenumbers

from voipbin_sip.sip.uri import Uri
from voipbin_sip.values import E164

T = TypeVar("T")

_VISUAL_SEPARATORS = str.maketrans("", "", "-.() ")  # RFC 3966 section 5.1.1
_DIALLED = re.compile(r"\+?[0-9*#A-Da-d]+")


class Rewrite(Protocol):
    """What the beginning of a number is replaced by."""

    @property
    def prefix(self) -> str:
        """Return the beginning."""
        ...

    @property
    def by(self) -> str:
        """Return what comes in its place."""
        ...


def dialled_number(uri: Uri) -> str:
    """Return the number of a request URI: the user part, or a tel URI's digits, without visual separators."""
    user = uri.user or ""
    bare = user.partition(";")[0].translate(_VISUAL_SEPARATORS)
    if not _DIALLED.fullmatch(bare):
        return user
    context = uri.phone_context or ""  # RFC 3966 section 5.1.5: a local number and what stands before it
    return context + bare if uri.scheme == "tel" and E164.fullmatch(context + bare) else bare


def rewritten(number: str, rules: Iterable[Rewrite]) -> str:
    """Return a number with its beginning replaced by the first rule that fits."""
    for rule in rules:
        if number.startswith(rule.prefix):
            return rule.by + number[len(rule.prefix) :]
    return number


def home_region(number: str) -> str:
    """Return the country (ISO 3166) that national numbers are read for, from a number of ours; "" if it has none."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""
    return region or ""


def international(text: str, home: str = "") -> str:
    """Return a number in E.164: as it is, from 00…, or from a national number of the country `home`; "" if none.

    Short numbers that only mean something within one network or country (emergency calls, services) have none.
    """
    if E164.fullmatch(text):
        return text
    if not text.isascii() or not text.isdigit():
        return ""
    if home:
        try:
            number = phonenumbers.parse(text, home)
        except phonenumbers.NumberParseException:
            return ""
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    found = "+" + text[2:]
    return found if text.startswith("00") and E164.fullmatch(found) else ""


def own_number(numbers: Mapping[str, T], text: str, home: str = "") -> T | None:
    """Return the entry of a number of ours, however its digits are written."""
    for form in _forms(text, home):
        if form in numbers:
            return numbers[form]
    return None


def _forms(text: str, home: str) -> Iterator[str]:
    yield text
    if text.isascii() and text.isdigit():
        yield "+" + text
        yield international(text, home)
