"""hibari: neural English speech (hibari-tts, Apache-2.0), 24 kHz, its American voice in the package."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hibari import Hibari as Model
from hibari import voices
from numpy.typing import NDArray

from voipbin_sip.speech.engine import SpeechFault
from voipbin_sip.speech.engines.ipa import hibari_phonemes
from voipbin_sip.speech.protocol import Span

SEED = 1  # of the breath noise: the same text sounds the same each time


class Hibari:
    """The engine; one model per voice, loaded when first asked for. Never fetches one from the network."""

    slowest = 0.5
    fastest = 1.0  # beyond it the model cuts durations to whole frames and falls behind the pace asked for

    def __init__(self) -> None:
        self._models = {voices.DEFAULT: Model()}

    def warm(self) -> None:
        """Load the dictionaries and run the network once."""
        self._models[voices.DEFAULT]("Press 1 for sales.", seed=SEED)

    def speak(self, spans: Sequence[Span], voice: str, pace: float) -> tuple[NDArray[np.float32], int]:
        """Return the utterance at 24 kHz."""
        model = self._model(voice)
        text = "".join(_spell(span) for span in spans)
        sound: NDArray[np.float32] = model(text, speed=pace, seed=SEED)
        return sound, model.sample_rate

    def _model(self, voice: str) -> Model:
        if voice not in self._models:
            try:
                path = voices.voice_path(voice, download_missing=False)
            except (ValueError, FileNotFoundError) as error:
                raise SpeechFault(f"the voice {voice} is not installed") from error
            self._models[voice] = Model(voice=voice, model=path)
        return self._models[voice]


def _spell(span: Span) -> str:
    """Return text in the model's notation, where `[word](/phonemes/)` gives a pronunciation."""
    text = span.text.replace("[", "(").replace("]", ")")
    phonemes = hibari_phonemes(span.ipa) if span.ipa else None
    return text if phonemes is None else f"[{text}](/{phonemes}/)"
