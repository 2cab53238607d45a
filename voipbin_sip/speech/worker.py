"""One child process that runs an engine, as the server holds it: started, given orders, killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import msgspec
import structlog

from voipbin_sip.speech.protocol import (
    LENGTH,
    MAX_RECORD,
    Failed,
    Order,
    Ready,
    Reply,
    Sound,
    decode_reply,
    frame,
)

_log = structlog.get_logger(__name__)
GRACE = 1.0  # s from the end of a child's output to its own; killing it in between would hide its exit status
_ROOT = Path(__file__).resolve().parents[2]


class EngineDied(Exception):  # noqa: N818 - reads as what happened
    """The child is gone, or had to be killed; the message says why."""


class Worker:
    """A child process with one engine. One order at a time."""

    def __init__(self, name: str, factory: str) -> None:
        self._name = name
        self._factory = factory
        self._process: asyncio.subprocess.Process | None = None
        self._last_words = b""
        self._errors: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether there is a child that has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self, timeout: float) -> float:
        """Start the child; returns the seconds its engine took to load. Raises EngineDied."""
        await self.kill()
        self._last_words = b""
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "voipbin_sip.speech.child",
                self._factory,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(),
                limit=1 << 20,
            )
        except OSError as error:
            raise EngineDied(f"cannot start a process for {self._name}: {error}") from error
        self._errors = asyncio.create_task(self._drain(self._process))
        reply = await self._read(timeout, "load")
        if not isinstance(reply, Ready):
            raise await self._broken("spoke before it was ready")
        return reply.seconds

    async def speak(self, order: Order, timeout: float) -> Sound | Failed:
        """Hand over one order and wait for what becomes of it. Raises EngineDied."""
        if self._process is None:
            raise EngineDied(f"{self._name} is not running")
        reply = await self._read(timeout, "speak", frame(order))
        if isinstance(reply, Ready) or reply.number != order.number:
            raise await self._broken("answered something else")
        return reply

    async def kill(self, grace: float = 0.0) -> None:
        """End the child, at once or when it has not ended by itself after `grace` s, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        if grace:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await process.wait()
        if process.returncode is None:
            process.kill()
        await process.wait()
        if self._errors is not None:
            await self._errors

    async def _read(self, timeout: float, doing: str, order: bytes = b"") -> Reply:
        """Write an order, if any, and return the next reply."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        stream = self._process.stdout
        try:
            async with asyncio.timeout(timeout):
                self._process.stdin.write(order)
                await self._process.stdin.drain()
                (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
                if length > MAX_RECORD:
                    raise await self._broken("sent an endless record")
                return decode_reply(await stream.readexactly(length))
        except TimeoutError as error:
            raise await self._broken(f"took more than {timeout:g} s to {doing}") from error
        except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError) as error:
            raise await self._broken("ended", GRACE) from error
        except msgspec.DecodeError as error:
            raise await self._broken("sent something unreadable") from error

    async def _broken(self, why: str, grace: float = 0.0) -> EngineDied:
        process = self._process
        await self.kill(grace)
        status = "" if process is None else f" (exit status {process.returncode})"
        if self._last_words:
            _log.warning(
                "speech engine's last words",
                engine=self._name,
                lines=self._last_words.decode("utf-8", "replace").splitlines(),
            )
        return EngineDied(f"the process of {self._name} {why}{status}")

    async def _drain(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while data := await process.stderr.read(4096):
            self._last_words = (self._last_words + data)[-2000:]


def _environment() -> dict[str, str]:
    """Return the child's environment: this package can be imported, numeric libraries keep to one thread."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
