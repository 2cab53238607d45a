"""Text to speech for the whole server: `Speech`.

A text becomes utterances (`plan`), each of which comes from memory, from disk or from an engine (`lane`,
`worker`, `child`). Engines are asked in order of preference; one that fails, hangs or is overrun is passed
over.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from voipbin_sip.speech.cache import DiskCache, MemoryCache
from voipbin_sip.speech.catalogue import ENGINES, EngineSpec
from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.lane import SPEAK_SECONDS, START_SECONDS, Lane, Unspoken, Urgency
from voipbin_sip.speech.language import DEFAULT, Tag, parse_tag
from voipbin_sip.speech.plan import Utterance, plan

_log = structlog.get_logger(__name__)

RATES = (8000, 16000)
CACHE_BYTES = 512 * 1024 * 1024
MEMORY_BYTES = 32 * 1024 * 1024  # half an hour at 8 kHz
FORMAT = "1"  # changes when `finish` makes another sound of the same words
AHEAD = 2  # utterances of one text that are made while an earlier one is heard
PATIENCE = 4.0  # s that an utterance may take until the next engine is asked
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


@dataclass(frozen=True, slots=True)
class _Choice:
    """An engine that can speak a text, and its voice for it."""

    lane: Lane
    voice: str


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
        self._patience = patience
        self._memory = MemoryCache(memory_bytes)
        self._disk = DiskCache(cache_dir, cache_bytes)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="speech-cache")
        self._making: dict[tuple[str, Urgency], _Shared] = {}
        self._writing: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Start the engines for the languages in `warm`, without waiting for them."""
        for language in self._warm:
            for choice in self._choices(parse_tag(language), "", "")[:1]:
                choice.lane.warm()

    async def close(self) -> None:
        """End all engines; texts still being spoken fail with SpeechError."""
        for lane in self._lanes.values():
            await lane.close()
        if self._writing:
            await asyncio.wait(self._writing)
        self._threads.shutdown(wait=False, cancel_futures=True)

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
    ) -> AsyncIterator[NDArray[np.int16]]:
        """Yield a text, plain or SSML, as int16 mono at `rate` Hz (8000 or 16000), an array per sentence.

        The arrays are read-only and follow each other without a gap; the first comes as soon as it is there,
        at once if it is cached. `language` is a BCP 47 tag. `provider` may name one of our engines, and
        `voice_id` one of its voices; VoIPBIN's "gcp" and "aws" and their voices stand for the default of the
        language. Raises SpeechError.
        """
        choices, utterances = self._prepare(Prompt(text, language, provider, voice_id), rate)
        ahead: deque[asyncio.Task[NDArray[np.int16]]] = deque()
        rest = iter(utterances)
        try:
            for utterance in rest:
                ahead.append(self._begin(utterance, choices, rate))
                if len(ahead) > AHEAD:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()

    async def prepare(self, prompts: Iterable[Prompt], *, rate: int) -> list[SpeechError]:
        """Speak prompts into the cache, when no call wants an engine; return what could not be spoken.

        Sentences with a `${variable}` in them are left out, the others of that text are prepared.
        """
        faults = []
        for prompt in prompts:
            try:
                choices, utterances = self._prepare(prompt, rate)
                for utterance in utterances:
                    if not any("${" in span.text for span in utterance.spans):
                        await self._sound(utterance, choices, rate, Urgency.PREPARATION)
            except SpeechError as error:
                faults.append(error)
        return faults

    def _prepare(self, prompt: Prompt, rate: int) -> tuple[list[_Choice], list[Utterance]]:
        if rate not in RATES:
            raise SpeechError(f"cannot speak at {rate} Hz", "ask for 8000 or 16000")
        try:
            tag = parse_tag(prompt.language)
        except ValueError as error:
            raise SpeechError(str(error), "write the language as in en-US or de") from error
        return self._choices(tag, prompt.provider, prompt.voice_id), plan(prompt.text, tag)

    def _choices(self, tag: Tag, provider: str, voice_id: str) -> list[_Choice]:
        """Return who can speak a language, best first. Raises SpeechError if no one can."""
        if provider not in PLATFORMS and provider not in self._lanes:
            known = ", ".join((*sorted(PLATFORMS - {""}), *self._lanes))
            raise SpeechError(f"there is no speech provider {provider!r}", f"use one of {known}, or none")
        lanes = sorted(self._lanes.values(), key=lambda lane: lane.spec.name != provider)
        choices = []
        for lane in lanes:
            voice = lane.spec.voice(tag, voice_id if lane.spec.name == provider else "")
            if lane.version is not None and voice is not None:
                choices.append(_Choice(lane, voice))
        if not choices:
            raise SpeechError(
                f"no installed speech engine speaks {tag}",
                f"have engines: {', '.join(self._lanes) or 'none'}",
            )
        return choices

    def _begin(
        self, utterance: Utterance, choices: list[_Choice], rate: int
    ) -> asyncio.Task[NDArray[np.int16]]:
        return asyncio.create_task(self._sound(utterance, choices, rate, Urgency.CALL))

    async def _sound(
        self, utterance: Utterance, choices: list[_Choice], rate: int, urgency: Urgency
    ) -> NDArray[np.int16]:
        """Return an utterance with the pause after it. Raises SpeechError."""
        silence = np.zeros(round(utterance.pause * rate), np.int16)
        if not utterance.spans:
            return silence
        words = await self._words(utterance, choices, rate, urgency)
        sound = np.concatenate((words, silence)) if len(silence) else words
        sound.flags.writeable = False
        return sound

    async def _words(
        self, utterance: Utterance, choices: list[_Choice], rate: int, urgency: Urgency
    ) -> NDArray[np.int16]:
        """Return an utterance, made once however many ask for it at the same time."""
        key = _key(utterance, choices[0], rate)
        sound = self._memory.get(key)
        if sound is not None:
            return sound
        shared = self._making.get((key, urgency))
        if shared is None:
            task = asyncio.create_task(self._make(utterance, choices, rate, urgency))
            shared = self._making[key, urgency] = _Shared(task)
            task.add_done_callback(lambda _: self._making.pop((key, urgency), None))
        return await shared.join()

    async def _make(
        self, utterance: Utterance, choices: list[_Choice], rate: int, urgency: Urgency
    ) -> NDArray[np.int16]:
        loop = asyncio.get_running_loop()
        troubles = []
        for choice in choices:
            key = _key(utterance, choice, rate)
            sound = self._memory.get(key)
            if sound is None:
                sound = await loop.run_in_executor(self._threads, self._disk.get, key, rate)
            if sound is None:
                try:
                    async with asyncio.timeout(self._patience if urgency is Urgency.CALL else None):
                        sound = await choice.lane.speak(
                            utterance.spans, choice.voice, utterance.pace, rate, urgency
                        )
                except (Unspoken, TimeoutError) as error:
                    troubles.append(str(error) or f"{choice.lane.spec.name} is too slow")
                    continue
                writing = loop.run_in_executor(self._threads, self._disk.put, key, rate, sound)
                self._writing.add(writing)
                writing.add_done_callback(self._writing.discard)
            self._memory.put(key, sound)
            return sound
        raise SpeechError(f"no speech engine could speak the text ({'; '.join(troubles)})", "run doctor")


class _Shared:
    """An utterance in the making; given up when everyone who waited for it has gone."""

    def __init__(self, task: asyncio.Task[NDArray[np.int16]]) -> None:
        self._task = task
        self._waiting = 0

    async def join(self) -> NDArray[np.int16]:
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._task.cancel()


def _key(utterance: Utterance, choice: _Choice, rate: int) -> str:
    """Return the hash of everything that makes the sound what it is."""
    parts = (
        FORMAT,
        choice.lane.spec.name,
        choice.lane.version,
        choice.voice,
        f"{utterance.pace:.3f}",
        rate,
        utterance.spans,
    )
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()
