"""espeak: eSpeak NG through pyttsx3 (GPL-3.0 and MPL-2.0), some 110 languages, 22.05 kHz, the last resort.

espeakng-loader carries the library and its data, so nothing has to be installed by apt. The library is loaded by its
path and `ESPEAK_DATA_PATH` set before pyttsx3 looks for it by name.

pyttsx3's driver is used without its engine: `Engine.runAndWait` begins by stopping the driver, and because the library
counts a change of voice as playing, that cancels the utterance every now and then.
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
        from pyttsx3.drivers import espeak  # finds the library that was loaded above

        self._listener = _Listener()
        self._driver = espeak.buildDriver(self._listener)
        self._folder = tempfile.TemporaryDirectory(prefix="voipbin-sip-speech-")
        self._path = Path(self._folder.name) / "utterance.wav"

    def warm(self) -> None:
        """Load the phoneme tables."""
        self.speak((Span("One."),), "gmw/en-us", 1.0)

    def speak(self, spans: Sequence[Span], voice: str, pace: float) -> tuple[NDArray[np.float32], int]:
        """Return the utterance at the library's rate."""
        text = "".join(span.text for span in spans).replace("\0", " ").strip()
        if not text:
            raise SpeechFault("there is nothing to say")  # the driver would wait for ever
        self._path.unlink(missing_ok=True)
        try:
            self._driver.setProperty("voice", voice)
            self._driver.setProperty("rate", round(WORDS_PER_MINUTE * pace))
        except ValueError as error:
            raise SpeechFault(str(error)) from error
        self._driver.save_to_file(text, str(self._path))
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
            self._driver.startLoop()  # until the library has reported the end
        if not self._path.exists():
            raise SpeechFault("espeak wrote no sound")
        with wave.open(str(self._path), "rb") as file:
            return from_pcm(file.readframes(file.getnframes())), file.getframerate()


class _Listener:
    """What the driver reports to; there is nothing to do about it, because `startLoop` waits for the end."""

    def setBusy(self, busy: bool) -> None:  # noqa: N802 - pyttsx3's name
        """Take note of nothing."""

    def notify(self, topic: str, **details: object) -> None:
        """Take note of nothing."""
