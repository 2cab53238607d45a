"""Language tags (BCP 47) and the closest of what an engine has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT = "en-US"  # where a step names no language

_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")

# Old and everyday names of languages, and the ones that engines list them under.
_ALIASES = {"zh": "cmn", "no": "nb", "nn": "nb", "iw": "he", "in": "id", "mo": "ro", "sh": "hr", "fil": "tl"}


@dataclass(frozen=True, slots=True)
class Tag:
    """A language and perhaps the region it is spoken in, both in lower case ("en", "us")."""

    language: str
    region: str = ""

    def __str__(self) -> str:
        return f"{self.language}-{self.region.upper()}" if self.region else self.language


def parse_tag(text: str) -> Tag:
    """Return the tag that a flow wrote ("en-US", "en_us", "de"); empty means `DEFAULT`. Raises ValueError."""
    text = text.strip() or DEFAULT
    if not _TAG.fullmatch(text):
        raise ValueError(f"{text!r} is not a language tag such as en-US")
    language, *rest = re.split("[-_]", text.lower())
    region = next((part for part in rest if re.fullmatch("[a-z]{2}|[0-9]{3}", part)), "")
    if language in ("zh", "cmn") and region in ("hk", "mo"):
        language = "yue"  # the spoken language of the place; the tag names the written one
    return Tag(_ALIASES.get(language, language), region)


def closest(tag: Tag, voices: Mapping[str, str]) -> str | None:
    """Return the voice for a tag from `voices` (keys like "en-us" and "en"), or None.

    The exact region wins, then the language alone, then the first other region of that language.
    """
    for key in (f"{tag.language}-{tag.region}", tag.language):
        if key in voices:
            return voices[key]
    prefix = f"{tag.language}-"
    return next((voice for key, voice in voices.items() if key.startswith(prefix)), None)
