"""Engines whose sound is a tone and whose faults are written in the text: they run in real child processes.

What they were asked is appended to the file that `FAKE_SPEECH_LOG` names.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voipbin_sip.speech.catalogue import EngineSpec
from voipbin_sip.speech.engine import SpeechFault
from voipbin_sip.speech.protocol import Span

RATE = 16000


def write_log(line: str) -> None:
    with Path(os.environ["FAKE_SPEECH_LOG"]).open("a") as file:
        file.write(f"{line}\n")


class Tone:
    """Speaks a tone of its own pitch, half a second for each word, and takes its time when it hears "linger"."""

    slowest = 0.5
    fastest = 2.0
    pitch = 300.0

    def warm(self) -> None:
        write_log(f"start {type(self).__name__} {os.getpid()}")

    def speak(self, spans: Sequence[Span], voice: str, pace: float) -> tuple[NDArray[np.float32], int]:
        text = "".join(span.text for span in spans)
        write_log(f"speak {type(self).__name__} {text}")
        print("engines may print what they like")
        self.trouble(text)
        seconds = 0.5 * len(text.split()) / pace
        return tone(self.pitch, seconds, RATE), RATE

    def trouble(self, text: str) -> None:
        if "linger" in text:
            time.sleep(0.4)


class Broken(Tone):
    """Ends its process when it hears "crash" or "raise", never comes back from "hang", declines to say "refuse"."""

    pitch = 1000.0

    def trouble(self, text: str) -> None:
        if "crash" in text:
            os._exit(3)
        if "raise" in text:
            raise RuntimeError("a fault in the engine")
        if "hang" in text:
            time.sleep(600)
        if "refuse" in text:
            raise SpeechFault("will not say that")
        super().trouble(text)


class Stillborn(Tone):
    """Cannot be loaded."""

    def warm(self) -> None:
        write_log("start Stillborn")
        raise RuntimeError("no model")


def tone(hertz: float, seconds: float, rate: int, level: float = 0.2) -> NDArray[np.float32]:
    time_axis = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * time_axis)).astype(np.float32)


def pitch_of(sound: NDArray[np.int16], rate: int) -> float:
    """Return the strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(sound.astype(np.float64) * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * rate / len(sound))


def spec(name: str, language: str = "en") -> EngineSpec:
    return EngineSpec(
        name=name.lower(),
        factory=f"tests.speech.fake_engines:{name}",
        distributions=("numpy",),
        voices={language: "only"},
    )
