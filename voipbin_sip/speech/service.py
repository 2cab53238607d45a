"""Text to speech for the whole server: `Speech`.

A text becomes utterances (`plan`), each of which comes from memory, from disk or from an engine (`maker`). An engine is
a queue in this process (`lane`) and a child process behind it (`worker`, `child`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voipbin_sip.speech.cache import DiskCache, MemoryCache
from voipbin_sip.speech.catalogue import ENGINES, EngineSpec
from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.lane import SPEAK_SECONDS, START_SECONDS, Lane, Urgency
from voipbin_sip.speech.language import DEFAULT, Tag, parse_tag
from voipbin_sip.speech.maker import PATIENCE, Choice, Maker
from voipbin_sip.speech.plan import Utterance, plan

RATES = (8000, 16000)
CACHE_BYTES = 512 * 1024 * 1024
MEMORY_BYTES = 32 * 1024 * 1024  # half an hour at 8 kHz
AHEAD = 2  # utterances of one text that are made while an earlier one is heard
VARIABLE = "${"  # what a flow fills in during a call
PLATFORMS = frozenset({"", "gcp", "aws"})  # VoIPBIN's providers: they get our default voice of the language


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How an engine is, for `doctor` and logs."""

    name: str
    version: str  # empty: not installed
    running: bool
    usable: bool
    trouble: str  # the last thing that went wrong, empty if it has spoken since
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to be spoken sooner or later, as a flow has it."""

    text: str
    language: str = DEFAULT
    provider: str = ""
    voice_id: str = ""


class Speech:
    """Turns texts into sound. One for the server; `start` before use, `close` at the end."""

    def __init__(
        self,
        *,
        cache_dir: Path,
        cache_bytes: int = CACHE_BYTES,
        memory_bytes: int = MEMORY_BYTES,
        engines: Sequence[str] | None = None,
        warm: Sequence[str] = (DEFAULT,),
        catalogue: Mapping[str, EngineSpec] = ENGINES,
        patience: float = PATIENCE,
        start_seconds: float = START_SECONDS,
        speak_seconds: float = SPEAK_SECONDS,
    ) -> None:
        """Take what there is to choose from.

        `engines` names the engines in order of preference (None: all, best first); `warm` the languages whose
        engine is started with the server, the others start when first asked for. Raises SpeechError for an
        engine that does not exist.
        """
        unknown = [name for name in engines or () if name not in catalogue]
        if unknown:
            raise SpeechError(
                f"there is no speech engine {unknown[0]!r}", f"use some of {', '.join(catalogue)}"
            )
        names = list(catalogue) if engines is None else list(engines)
        self._lanes = {
            name: Lane(catalogue[name], start_seconds=start_seconds, speak_seconds=speak_seconds)
            for name in names
        }
        self._warm = tuple(warm)
        self._maker = Maker(MemoryCache(memory_bytes), DiskCache(cache_dir, cache_bytes), patience)

    async def start(self) -> None:
        """Start the engines for the languages in `warm`, without waiting for them."""
        for language in self._warm:
            for choice in self._choices(parse_tag(language), "", "")[:1]:
                choice.lane.warm()

    async def close(self) -> None:
        """End all engines; texts still being spoken fail with SpeechError."""
        self._maker.stop()
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))
        await self._maker.close()

    def engines(self) -> list[EngineStatus]:
        """Return all engines in order of preference."""
        return [
            EngineStatus(
                name=name,
                version=lane.version or "",
                running=lane.running,
                usable=lane.usable,
                trouble=lane.trouble,
                languages=tuple(lane.spec.voices),
            )
            for name, lane in self._lanes.items()
        ]

    async def speak(
        self, text: str, *, language: str, provider: str = "", voice_id: str = "", rate: int
    ) -> AsyncGenerator[NDArray[np.int16], None]:
        """Yield a text, plain or SSML, as int16 mono at `rate` Hz (8000 or 16000), an array per sentence.

        The arrays are read-only and follow each other without a gap; the first comes as soon as it is there,
        at once if it is cached. `language` is a BCP 47 tag. `provider` may name one of our engines, and
        `voice_id` one of its voices; VoIPBIN's "gcp" and "aws" and their voices stand for the default of the
        language. Raises SpeechError. Whoever stops listening early should `aclose` it.
        """
        choices, utterances = self._prepare(Prompt(text, language, provider, voice_id), rate)
        ahead: deque[asyncio.Task[NDArray[np.int16]]] = deque()
        rest = iter(utterances)
        try:
            for utterance in rest:
                ahead.append(asyncio.create_task(self._maker.sound(utterance, choices, rate, Urgency.CALL)))
                if len(ahead) > AHEAD:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def prepare(self, prompts: Iterable[Prompt], *, rate: int) -> list[SpeechError]:
        """Speak prompts into the cache, when no call wants an engine; return what could not be spoken.

        Sentences with a `${variable}` in them are left out, the others of that text are prepared.
        """
        faults = []
        for prompt in prompts:
            await asyncio.sleep(
                0
            )  # what is spoken already is found at once, and there may be thousands of it
            try:
                choices, utterances = self._prepare(prompt, rate)
                for utterance in utterances:
                    if not any(VARIABLE in span.text for span in utterance.spans):
                        await self._maker.sound(utterance, choices, rate, Urgency.PREPARATION)
            except SpeechError as error:
                if VARIABLE not in prompt.text:
                    faults.append(error)
        return faults

    def _prepare(self, prompt: Prompt, rate: int) -> tuple[list[Choice], list[Utterance]]:
        if rate not in RATES:
            raise SpeechError(f"cannot speak at {rate} Hz", "ask for 8000 or 16000")
        try:
            tag = parse_tag(prompt.language)
        except ValueError as error:
            raise SpeechError(str(error), "write the language as in en-US or de") from error
        return self._choices(tag, prompt.provider, prompt.voice_id), plan(prompt.text, tag)

    def _choices(self, tag: Tag, provider: str, voice_id: str) -> list[Choice]:
        """Return who can speak a language, best first. Raises SpeechError if no one can."""
        if provider not in PLATFORMS and provider not in self._lanes:
            known = ", ".join((*sorted(PLATFORMS - {""}), *self._lanes))
            raise SpeechError(f"there is no speech provider {provider!r}", f"use one of {known}, or none")
        lanes = sorted(self._lanes.values(), key=lambda lane: lane.spec.name != provider)
        choices = []
        for lane in lanes:
            if lane.version is None:
                continue
            wanted = voice_id if lane.spec.name == provider else ""
            voices = dict.fromkeys(
                (lane.spec.voice(tag, wanted), lane.spec.voice(tag))
            )  # in order, once each
            choices += [Choice(lane, voice) for voice in voices if voice is not None]
        if not choices:
            raise SpeechError(
                f"no installed speech engine speaks {tag}",
                f"have engines: {', '.join(self._lanes) or 'none'}",
            )
        return choices
