"""The queue in front of one engine: who is served next, when a broken engine may try again.

Calls go before preparation; within each, first come first served. A call never has more than a few utterances
in here at once (see `service`), so a long text of one does not hold up the greeting of another.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from enum import IntEnum

import numpy as np
import structlog
from numpy.typing import NDArray

from voipbin_sip.speech.catalogue import EngineSpec
from voipbin_sip.speech.protocol import Failed, Order, Span
from voipbin_sip.speech.worker import EngineDied, Worker

_log = structlog.get_logger(__name__)

START_SECONDS = 30.0  # a small machine that starts many things at once
SPEAK_SECONDS = 4.0  # the longest utterance takes a quarter of a second on one core of 2 GHz
STUCK_SECONDS = 1.5  # after so long on one utterance, or on its start, an engine is asked last
MOST_WAITING = 64
BACKOFF = (0.0, 1.0, 5.0, 15.0, 60.0)  # s until the next start, after so many failures in a row


class Unspoken(Exception):  # noqa: N818 - reads as what happened to the utterance
    """This engine did not speak the utterance; another one may."""


class Urgency(IntEnum):
    """Who waits for an utterance."""

    CALL = 0
    PREPARATION = 1


class Lane:
    """One engine, its child process and its queue."""

    def __init__(
        self,
        spec: EngineSpec,
        *,
        start_seconds: float = START_SECONDS,
        speak_seconds: float = SPEAK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.version = spec.version()
        self.trouble = "" if self.version is not None else f"not installed: {' '.join(spec.distributions)}"
        self._worker = Worker(spec.name, spec.factory)
        self._start_seconds = start_seconds
        self._speak_seconds = speak_seconds
        self._clock = clock
        self._numbers = itertools.count(1)
        self._waiting: list[tuple[Urgency, int, Order, asyncio.Future[NDArray[np.int16]]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._warm = False
        self._closed = False
        self._busy_since: float | None = None
        self._failures = 0
        self._retry_at = 0.0

    @property
    def running(self) -> bool:
        """Whether the engine's process is there."""
        return self._worker.alive

    @property
    def usable(self) -> bool:
        """Whether it can be asked: installed, and not waiting to be started again."""
        return self.version is not None and not self._closed and self._clock() >= self._retry_at

    @property
    def stuck(self) -> bool:
        """Whether it has been at one utterance for so long that others had better ask elsewhere."""
        return self._busy_since is not None and self._clock() - self._busy_since > STUCK_SECONDS

    def warm(self) -> None:
        """Start the engine in the background."""
        self._warm = True
        self._run()

    async def speak(
        self, spans: tuple[Span, ...], voice: str, pace: float, rate: int, urgency: Urgency
    ) -> NDArray[np.int16]:
        """Return an utterance, read-only int16 mono at `rate` Hz. Raises Unspoken."""
        if not self.usable:
            raise Unspoken(self.trouble)
        if len(self._waiting) >= MOST_WAITING:
            self._waiting = [entry for entry in self._waiting if not entry[3].done()]
            heapq.heapify(self._waiting)
        if len(self._waiting) >= MOST_WAITING:
            raise Unspoken(f"{self.spec.name} has {MOST_WAITING} utterances waiting")
        number = next(self._numbers)
        order = Order(number, spans, voice, pace, rate)
        future: asyncio.Future[NDArray[np.int16]] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, number, order, future))
        self._run()
        return await future

    async def close(self) -> None:
        """End the engine for good; whoever still waits gets Unspoken."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._worker.kill()
        self._give_up("the server stops")

    def _run(self) -> None:
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._serve(), name=f"speech {self.spec.name}")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let nobody wait for a queue that a programming error has ended."""
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("speech queue ended", engine=self.spec.name, exc_info=fault)
            self._task = None
            self._give_up(f"internal error: {fault}")

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                if self._warm and self.usable:
                    await self._ensure()
                    self._busy_since = None
                while self._waiting:
                    await self._next()
            except EngineDied as death:
                self._busy_since = None
                self._mourn(str(death))

    async def _next(self) -> None:
        _, _, order, future = heapq.heappop(self._waiting)
        if future.done():
            return  # whoever asked has gone
        try:
            await self._ensure()
            self._busy_since = self._clock()
            reply = await self._worker.speak(order, self._speak_seconds)
        except EngineDied as death:
            if not future.done():
                future.set_exception(Unspoken(str(death)))
            self._mourn(str(death))
            return
        except asyncio.CancelledError:
            if not future.done():
                future.set_exception(Unspoken("the server stops"))
            raise
        finally:
            self._busy_since = None
        self._failures = 0
        self.trouble = ""
        if future.done():
            return
        if isinstance(reply, Failed):
            future.set_exception(Unspoken(f"{self.spec.name}: {reply.reason}"))
        else:
            future.set_result(np.frombuffer(reply.samples, np.int16))

    async def _ensure(self) -> None:
        if not self._worker.alive:
            self._busy_since = self._clock()
            seconds = await self._worker.start(self._start_seconds)
            _log.info("speech engine ready", engine=self.spec.name, seconds=round(seconds, 2))

    def _mourn(self, why: str) -> None:
        pause = BACKOFF[min(self._failures, len(BACKOFF) - 1)]
        self._failures += 1
        self._retry_at = self._clock() + pause
        self.trouble = why
        _log.warning("speech engine failed", engine=self.spec.name, reason=why, retry_in=pause)
        if pause:
            self._give_up(why)
        if self._warm:  # be ready again before somebody asks
            asyncio.get_running_loop().call_later(pause + 0.05, self._wake.set)

    def _give_up(self, why: str) -> None:
        for *_, future in self._waiting:
            if not future.done():
                future.set_exception(Unspoken(why))
        self._waiting.clear()
