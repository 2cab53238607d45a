"""nanotts: SVOX Pico (py-nanotts, Apache-2.0), six languages, 16 kHz, all voices in the package."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from py_nanotts import NanoTTS

from voipbin_sip.speech.engine import SpeechFault, from_pcm
from voipbin_sip.speech.engines.ipa import xsampa
from voipbin_sip.speech.protocol import Span

RATE = 16000
VOLUME = 0.4  # at its own 1.0 the voices clip


class Nanotts:
    """The engine. It takes markup for speed and pronunciation, so text must not look like markup."""

    slowest = 0.5
    fastest = 2.0

    def __init__(self) -> None:
        self._engine = NanoTTS()

    def warm(self) -> None:
        """Read the voice files once; they stay in the page cache."""
        self._engine.speak("One.", voice="en-US")

    def speak(self, spans: Sequence[Span], voice: str, pace: float) -> tuple[NDArray[np.float32], int]:
        """Return the utterance at 16 kHz."""
        text = "".join(_spell(span) for span in spans)
        try:
            samples = self._engine.speak(text, voice=voice, speed=pace, volume=VOLUME)
        except (RuntimeError, ValueError) as error:
            raise SpeechFault(str(error)) from error
        return from_pcm(samples), RATE


def _spell(span: Span) -> str:
    """Return text in Pico's notation; nothing in it is taken for markup, because Pico knows no entities."""
    phonemes = xsampa(span.ipa) if span.ipa else None
    if phonemes is not None:
        return f"<phoneme ph='{phonemes}'/>"
    return span.text.replace("\0", " ").replace("<", " ").replace(">", " ")
