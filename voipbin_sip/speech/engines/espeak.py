"""espeak: eSpeak NG through pyttsx3 (GPL-3.0 and MPL-2.0), some 130 languages, 22.05 kHz, the last resort.

espeakng-loader carries the library and its data, so nothing has to be installed by apt. The library is loaded
by its path and `ESPEAK_DATA_PATH` set before pyttsx3 looks for it by name.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from voipbin_sip.speech.engine import SpeechFault, from_pcm
from voipbin_sip.speech.protocol import Span

WORDS_PER_MINUTE = 165  # at pace 1; the library's own 175 is hurried on a telephone


class Espeak:
    """The engine. pyttsx3 can only write files, so each utterance passes through one in a private folder."""

    slowest = 0.5
    fastest = 1.0  # faster, the library rounds to a few fixed speeds

    def __init__(self) -> None:
        ctypes.CDLL(espeakng_loader.get_library_path())
        os.environ["ESPEAK_DATA_PATH"] = espeakng_loader.get_data_path()
        import pyttsx3  # finds the library that was loaded above

        self._engine = pyttsx3.init("espeak")
        self._engine.connect("error", self._note)
        self._folder = tempfile.TemporaryDirectory(prefix="voipbin-sip-speech-")
        self._error: Exception | None = None

    def warm(self) -> None:
        """Load the phoneme tables."""
        self.speak((Span("One."),), "gmw/en-us", 1.0)

    def speak(self, spans: Sequence[Span], voice: str, pace: float) -> tuple[NDArray[np.float32], int]:
        """Return the utterance at the library's rate."""
        path = Path(self._folder.name) / "utterance.wav"
        path.unlink(missing_ok=True)
        self._error = None
        self._engine.setProperty("voice", voice)
        self._engine.setProperty("rate", round(WORDS_PER_MINUTE * pace))
        self._engine.save_to_file("".join(span.text for span in spans).replace("\0", " "), str(path))
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
            self._engine.runAndWait()
        if self._error is not None:
            raise SpeechFault(str(self._error))
        if not path.exists():
            raise SpeechFault("espeak wrote no sound")
        with wave.open(str(path), "rb") as file:
            return from_pcm(file.readframes(file.getnframes())), file.getframerate()

    def _note(self, exception: Exception, **_: object) -> None:
        self._error = exception
