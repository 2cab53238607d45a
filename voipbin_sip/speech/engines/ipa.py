"""Pronunciations: from the International Phonetic Alphabet to what two engines read.

Both functions return None for sounds that the engine has no sign for; it then speaks the text instead.
"""

from __future__ import annotations

import re
import unicodedata

_IGNORED = re.compile("[.\u0361\u203f\u035c\\s]")  # syllable marks and ties

# X-SAMPA (J. C. Wells, "Computer-coding the IPA", 1995), as far as Pico's six languages go.
_XSAMPA = {
    **{sign: sign for sign in "abdefhijklmnopstuvwxyz"},
    **dict(zip("ɑæəɐɛɜɪɔɒʊʌøœʏɨ", "A{@6E3IOQUV29Y1", strict=True)),
    **dict(zip("ʃʒθðŋɲʎɡgɹrʁɾçχɣβʔ", "SZTDNJLggrrR4CXGB?", strict=True)),
    "ɚ": "@r",
    "ɝ": "3r",
    "ʤ": "dZ",
    "ʧ": "tS",
    "ˈ": '"',
    "ˌ": "%",
    "ː": ":",
    "\u0303": "~",
}

# hibari writes English diphthongs and affricates with one letter, and American English without length marks.
_PAIRS = {"eɪ": "A", "aɪ": "I", "aʊ": "W", "ɔɪ": "Y", "oʊ": "O", "əʊ": "O", "tʃ": "ʧ", "dʒ": "ʤ"}
_SINGLES = {
    **{sign: sign for sign in "bdfhijklmnpstuvwzðŋɑɔəɛɜæɡɪɹʃʊʌʒʤʧθɐˈˌ"},
    "a": "ɑ",
    "e": "A",
    "o": "O",
    "r": "ɹ",
    "g": "ɡ",
    "ɒ": "ɑ",
    "ɾ": "T",
    "ɚ": "əɹ",
    "ɝ": "ɜɹ",
    "ː": "",
}
_VOWELS = "AIOWYiuɑɔəɛɜæɪʊʌɐ"


def xsampa(ipa: str) -> str | None:
    """Return a pronunciation in X-SAMPA."""
    signs = [_XSAMPA.get(sign) for sign in _separate(_IGNORED.sub("", ipa))]
    return "".join(sign or "" for sign in signs) if signs and None not in signs else None


def _separate(ipa: str) -> str:
    """Return signs with the tilde of nasal vowels apart; ç is a sign of its own."""
    return unicodedata.normalize("NFD", ipa).replace("c\u0327", "ç")


def hibari_phonemes(ipa: str) -> str | None:
    """Return an English pronunciation in hibari's letters, where a stress mark is right before the vowel."""
    text = _IGNORED.sub("", ipa)
    for pair, letter in _PAIRS.items():
        text = text.replace(pair, letter)
    letters = [sign if sign in "AIOWY" else _SINGLES.get(sign) for sign in text]
    if not letters or None in letters:
        return None
    joined = "".join(letter or "" for letter in letters)
    return re.sub(f"([ˈˌ])([^{_VOWELS}ˈˌ]+)(?=[{_VOWELS}])", r"\2\1", joined)
