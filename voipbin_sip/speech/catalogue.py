"""The engines there are, as the server sees them without loading any."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field

from voipbin_sip.speech.espeak_voices import ESPEAK_VOICES
from voipbin_sip.speech.language import Tag, closest


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One engine: what runs in its child process, what it must have, what it can speak."""

    name: str
    factory: str  # "module:Class" of an `engine.Engine`, imported only in the child
    distributions: tuple[str, ...]  # that must be installed
    voices: Mapping[str, str]  # language or language-region, lower case -> voice
    named: frozenset[str] = field(default_factory=frozenset)  # voices that can only be asked for by name

    def voice(self, tag: Tag, wanted: str = "") -> str | None:
        """Return the voice for a language, the wanted one if the engine has it, or None."""
        if wanted in self.named or wanted in self.voices.values():
            return wanted
        return closest(tag, self.voices)

    def version(self) -> str | None:
        """Return the versions of the installed distributions, or None if one is missing."""
        try:
            return " ".join(importlib.metadata.version(name) for name in self.distributions)
        except importlib.metadata.PackageNotFoundError:
            return None


HIBARI = EngineSpec(
    name="hibari",
    factory="voipbin_sip.speech.engines.hibari:Hibari",
    distributions=("hibari-tts",),
    voices={"en": "heart"},
    named=frozenset({"emma", "fable", "fenrir", "kore"}),
)
NANOTTS = EngineSpec(
    name="nanotts",
    factory="voipbin_sip.speech.engines.nanotts:Nanotts",
    distributions=("py-nanotts",),
    voices={
        "en-us": "en-US",
        "en-ca": "en-US",
        "en": "en-GB",
        "de": "de-DE",
        "es": "es-ES",
        "fr": "fr-FR",
        "it": "it-IT",
    },
)
ESPEAK = EngineSpec(
    name="espeak",
    factory="voipbin_sip.speech.engines.espeak:Espeak",
    distributions=("pyttsx3", "espeakng-loader"),
    voices=ESPEAK_VOICES,
)

ENGINES: Mapping[str, EngineSpec] = {spec.name: spec for spec in (HIBARI, NANOTTS, ESPEAK)}
