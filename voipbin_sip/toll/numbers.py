"""What a telephone number in E.164 form says about itself: its country, and whether calling it is expensive."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from voipbin_sip.values import E164

_SHORTEST = 6  # digits after the country code below which no number is looked for in a longer one

# Numbers that share what they cost with whoever is called, or cost much more than one expects.
KINDS: dict[int, str] = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number",
    PhoneNumberType.PAGER: "a pager",
}
NETWORK = "a number of an international or satellite network"


@dataclass(frozen=True, slots=True)
class Number:
    """A possible number."""

    text: str  # +E.164
    code: str  # "+49"
    region: str  # ISO 3166 alpha-2; "" where it cannot be told or there is none
    special: str  # one of KINDS or NETWORK, "" = an ordinary number

    @property
    def opener(self) -> str:
        """The shortest prefix that names numbers like this special one and no ordinary ones."""
        return self.code if self.special == NETWORK else self.text[: len(self.code) + 3]


def read_number(text: str) -> Number | None:
    """Return what is known of a number, None where no country has such a one."""
    if not E164.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    region = phonenumbers.region_code_for_number(number) or ""
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return Number(text, f"+{number.country_code}", "", NETWORK)
    return Number(text, f"+{number.country_code}", region, KINDS.get(_kind(number), ""))


def _kind(number: PhoneNumber) -> int:
    """Return the type of a number; of one that is too long the type of what the network will make of it.

    Exchanges take as many digits as they need and leave the rest: a premium-rate number with digits behind it is
    none by the book, and is put through all the same.
    """
    kind: int = phonenumbers.number_type(number)
    digits = phonenumbers.national_significant_number(number)
    while kind == PhoneNumberType.UNKNOWN and len(digits) > _SHORTEST:
        digits = digits[:-1]
        shorter = phonenumbers.parse(f"+{number.country_code}{digits}", None)
        kind = phonenumbers.number_type(shorter)
    return kind
