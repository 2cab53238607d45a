"""What an engine is to the child process that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voipbin_sip.speech.protocol import Span


class SpeechFault(Exception):  # noqa: N818 - the engine's own word for what it cannot speak
    """This utterance cannot be spoken; the engine is well. Anything else that an engine raises ends it."""


class Engine(Protocol):
    """A speech engine, loaded. Lives in a child process; any exception but SpeechFault ends that process."""

    slowest: float  # the paces that the engine keeps exactly; the rest is done by stretching its sound
    fastest: float

    def warm(self) -> None:
        """Speak once for nobody, so that the first real sentence finds everything loaded."""
        ...

    def speak(self, spans: Sequence[Span], voice: str, pace: float) -> tuple[NDArray[np.float32], int]:
        """Return an utterance as mono sound, full scale 1.0, and its rate in Hz.

        `pace` 2 is twice as fast as the voice was made. Raises SpeechFault.
        """
        ...


def from_pcm(data: bytes) -> NDArray[np.float32]:
    """Return 16 bit little-endian samples as float32, full scale 1.0."""
    sound: NDArray[np.float32] = np.frombuffer(data, "<i2").astype(np.float32)
    sound /= 32768
    return sound
