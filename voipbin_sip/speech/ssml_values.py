"""The values in SSML attributes: how long a break is (section 3.2.3), how fast prosody (section 3.2.4)."""

from __future__ import annotations

import re

LONGEST_BREAK = 10.0  # s, what the large platforms allow
SLOWEST, FASTEST = 0.5, 2.0

STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}  # s
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}


def break_seconds(time: str | None, strength: str | None) -> float:
    """Return the length of a break; a time outweighs a strength. Raises ValueError."""
    if time is not None:
        match = re.fullmatch(r"\s*\+?(\d{0,6}(?:\.\d{1,6})?)(ms|s)\s*", time)
        if match is None or not match[1]:
            raise ValueError(f"break time={time!r} is no time")
        seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
        if seconds > LONGEST_BREAK:
            raise ValueError(f"break time={time!r} is longer than {LONGEST_BREAK:g} s")
        return seconds
    word = "medium" if strength is None else strength.strip().lower()
    if word not in STRENGTHS:
        raise ValueError(f"break strength={strength!r} is none of {', '.join(STRENGTHS)}")
    return STRENGTHS[word]


def prosody_pace(rate: str, around: float) -> float:
    """Return the pace inside a prosody element, `around` being the one outside. Raises ValueError.

    "80%" and "0.8" are four fifths of the pace around; "-20%" is the same, as a change.
    """
    word = rate.strip().lower()
    if word in RATES:
        pace = RATES[word]
    else:
        match = re.fullmatch(r"([+-]?)(\d{1,4}(?:\.\d{1,6})?)(%?)", word)
        if match is None:
            raise ValueError(f"prosody rate={rate!r} is no rate")
        sign, number, percent = match.groups()
        if sign and not percent:
            raise ValueError(f"prosody rate={rate!r} lacks its %")
        amount = float(number) / (100 if percent else 1)
        pace = 1 + amount if sign == "+" else 1 - amount if sign == "-" else amount
    return min(max(pace * around, SLOWEST), FASTEST)
