"""Utterances made once and kept: from memory, from disk, or from the first engine that can.

Engines are asked in order of preference; one that fails, hangs or is overrun is passed over. The sound is kept under
the engine that made it, so the preferred voice is back as soon as its engine is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from voipbin_sip.speech.cache import DiskCache, MemoryCache
from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.lane import Lane, Unspoken, Urgency
from voipbin_sip.speech.plan import Utterance

_log = structlog.get_logger(__name__)

FORMAT = "1"  # changes when `finish` makes another sound of the same words
PATIENCE = 3.0  # s that an utterance may take until the next engine is asked
LAST_PATIENCE = 10.0  # s that the last engine may take; VoIPBIN waits as long for its own
DISK_PATIENCE = 1.0  # s; an engine is faster than a disk that takes longer


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine that can speak a text, and its voice for it."""

    lane: Lane
    voice: str


@dataclass(slots=True)
class _Shared:
    """An utterance in the making, and how many wait for it."""

    task: asyncio.Task[NDArray[np.int16]]
    waiting: int = 0


class Maker:
    """Makes utterances; owns the caches."""

    def __init__(self, memory: MemoryCache, disk: DiskCache, patience: float = PATIENCE) -> None:
        self._memory = memory
        self._disk = disk
        self._patience = patience
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="speech-cache")
        self._making: dict[tuple[str, Urgency], _Shared] = {}
        self._writing: set[asyncio.Future[None]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Make nothing new from here on."""
        self._stopped = True

    async def close(self) -> None:
        """Wait until what is being made has failed and what was made is written."""
        making = [shared.task for shared in self._making.values()]
        await asyncio.gather(*making, *self._writing, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def sound(
        self, utterance: Utterance, choices: Sequence[Choice], rate: int, urgency: Urgency
    ) -> NDArray[np.int16]:
        """Return an utterance and the pause after it, read-only int16 mono at `rate` Hz. Raises SpeechError."""
        result = np.zeros(round(utterance.pause * rate), np.int16)
        if utterance.spans:
            words = await self._words(utterance, choices, rate, urgency)
            result = np.concatenate((words, result)) if len(result) else words
        result.flags.writeable = False
        return result

    async def _words(
        self, utterance: Utterance, choices: Sequence[Choice], rate: int, urgency: Urgency
    ) -> NDArray[np.int16]:
        """Return an utterance, made once however many ask for it at the same time.

        Preparation and calls do not share: a call must not wait for what is queued behind all calls.
        """
        key = _key(utterance, choices[0], rate)
        sound = self._memory.get(key)
        if sound is not None:
            return sound
        slot = (key, urgency)
        shared = self._making.get(slot)
        if shared is None:
            task = asyncio.create_task(self._make(utterance, choices, rate, urgency))
            shared = self._making[slot] = _Shared(task)
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting or shared.task.done():
                shared.task.cancel()  # nobody wants it any more; no effect if it is done
                if self._making.get(slot) is shared:
                    del self._making[slot]

    async def _make(
        self, utterance: Utterance, choices: Sequence[Choice], rate: int, urgency: Urgency
    ) -> NDArray[np.int16]:
        troubles = []
        order = sorted(choices, key=lambda choice: choice.lane.stuck)
        for choice in order:
            if self._stopped:
                raise SpeechError("the server stops")
            key = _key(utterance, choice, rate)
            sound = self._memory.get(key)
            if sound is None:
                sound = await self._from_disk(key, rate)
            if sound is None:
                patience = LAST_PATIENCE if choice is order[-1] else self._patience
                try:
                    async with asyncio.timeout(patience if urgency is Urgency.CALL else None):
                        sound = await choice.lane.speak(
                            utterance.spans, choice.voice, utterance.pace, rate, urgency
                        )
                except (Unspoken, TimeoutError) as error:
                    name = choice.lane.spec.name
                    troubles.append(str(error) or f"{name} takes more than {patience:g} s")
                    _log.info("speech engine passed over", engine=name, reason=troubles[-1])
                    continue
                self._to_disk(key, rate, sound)
            self._memory.put(key, sound)
            return sound
        raise SpeechError(
            f"no speech engine could speak the text ({'; '.join(troubles)})",
            "look at the log for what they said last",
        )

    async def _from_disk(self, key: str, rate: int) -> NDArray[np.int16] | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DISK_PATIENCE):
                return await loop.run_in_executor(self._threads, self._disk.get, key, rate)
        except TimeoutError:
            _log.warning("the speech cache is slow", seconds=DISK_PATIENCE)
            return None

    def _to_disk(self, key: str, rate: int, sound: NDArray[np.int16]) -> None:
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._threads, self._disk.put, key, rate, sound)
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)


def _key(utterance: Utterance, choice: Choice, rate: int) -> str:
    """Return the hash of everything that makes the sound what it is."""
    lane = choice.lane
    parts = (
        FORMAT,
        lane.spec.name,
        lane.version,
        choice.voice,
        f"{utterance.pace:.3f}",
        rate,
        utterance.spans,
    )
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()
