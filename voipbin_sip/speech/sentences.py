"""Where a text may be cut, so that its beginning is heard while the rest is still being made."""

from __future__ import annotations

import re

LONGEST = 240  # characters of one utterance; engines lose their rhythm, and callers their patience, beyond
CLAUSE = 0.1  # s of silence between the pieces of one sentence, beyond what a sound has at its edges
SENTENCE = 0.3
PARAGRAPH = 0.6

# Sentence ends in Latin, Greek, Cyrillic and Arabic script need a blank after them, the others do not.
_END = re.compile(r"(?<=[.!?…؟।])[\"”’»)\]]*\s+|(?<=[。！？])\s*")
_CLAUSE = re.compile(r"(?<=[,;:—])\s+|(?<=[、，；：])\s*")
_ABBREVIATIONS = (
    " mr mrs ms dr prof st sr jr vs etc approx ext dept inc ltd co "
    "hr fr nr str ca bzw usw inkl evtl tel z.b d.h u.a "
    "mme mlle av p.ex "
    "sra srta d.ª núm pág "
    "sig dott ing avv pag p.es "
)
_MONTHS = re.compile(
    r"(Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b"
)


def pieces(text: str) -> list[tuple[str, float | None]]:
    """Return a text as pieces to be spoken in one go, each with the seconds of silence due after it.

    The last one has None unless it ends a sentence and a blank follows: more of the sentence may come.
    """
    found: list[tuple[str, float | None]] = []
    start = 0
    for match in _END.finditer(text):
        if _is_end(text, match):
            parts = _shorten(text[start : match.end()])
            found += [(part, CLAUSE) for part in parts[:-1]]
            found += [(part, SENTENCE) for part in parts[-1:]]
            start = match.end()
    parts = _shorten(text[start:])
    found += [(part, CLAUSE) for part in parts[:-1]]
    found += [(part, None) for part in parts[-1:]]
    return found


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Tell the end of a sentence from an abbreviation, an initial and a German ordinal."""
    before, after = text[: match.start()], text[match.end() :]
    if after[:1].islower():
        return False
    if before[-1] != ".":
        return True
    word = before[:-1].rsplit(None, 1)[-1].lstrip("(\"'“„«").lower() if before[:-1].strip() else ""
    if f" {word} " in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return False
    return not (word.isdigit() and len(word) <= 2 and _MONTHS.match(after))


def _shorten(sentence: str) -> list[str]:
    """Return a sentence, cut at clauses and, where there are none, between words if it is too long."""
    if len(sentence) <= LONGEST:
        return [sentence] if sentence else []
    pieces: list[str] = []
    for clause in _CLAUSE.split(sentence):
        for part in _cut(clause):
            if pieces and len(pieces[-1]) + 1 + len(part) <= LONGEST:
                pieces[-1] += f" {part}"
            else:
                pieces.append(part)
    return pieces


def _cut(clause: str) -> list[str]:
    parts = []
    while len(clause) > LONGEST:
        at = clause.rfind(" ", LONGEST // 2, LONGEST)
        at = LONGEST if at < 0 else at
        parts.append(clause[:at].strip())
        clause = clause[at:].strip()
    return [*parts, clause] if clause else parts
