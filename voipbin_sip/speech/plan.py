"""From a text to what engines are asked for: one utterance after the other, and the pauses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.language import Tag
from voipbin_sip.speech.protocol import Span

MOST_TEXT = 20_000  # characters; some twenty minutes of speech


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words that are spoken in one go, usually a sentence, and the silence after them."""

    spans: tuple[Span, ...]  # empty: silence only
    pace: float
    pause: float  # s


def plan(text: str, tag: Tag) -> list[Utterance]:
    """Return a text as utterances. Raises SpeechError if there is nothing to say."""
    if len(text) > MOST_TEXT:
        raise SpeechError(f"the text has {len(text)} characters", f"say at most {MOST_TEXT} in one step")
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+", text)]
    found = [Utterance((Span(part),), 1.0, 0.25) for part in sentences if any(c.isalnum() for c in part)]
    if not found:
        raise SpeechError("there is nothing to say", "give a text with words in it")
    return found
