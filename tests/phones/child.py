"""A program that a test runs: its output is awaited line by line, and it never outlives the test."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType


class Child:
    """One process in a session of its own; `async with` starts it and ends it for sure."""

    def __init__(
        self, argv: Sequence[str | Path], *, folder: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.argv = [str(word) for word in argv]
        self.folder = folder
        self.environment = environment or {}
        self.output = ""
        self._seen = 0  # up to where `line` has matched
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Child:
        self._process = await asyncio.create_subprocess_exec(
            *self.argv,
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        assert self._reader is not None
        await self._reader
        await self.process.wait()
        if error is not None:
            error.add_note(f"--- {' '.join(self.argv)}\n{self.output[-4000:]}")

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "not started"
        return self._process

    async def say(self, text: str) -> None:
        """Write one line to the program."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        await self.process.stdin.drain()

    async def line(self, pattern: str, seconds: float = 10.0) -> re.Match[str]:
        """Wait for a line of output that matches, after the one matched last; TimeoutError if none comes."""
        compiled = re.compile(pattern, re.MULTILINE)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._news.clear()
                    match = compiled.search(self.output, self._seen)
                    if match:
                        self._seen = match.end()
                        return match
                    if self._reader is None or self._reader.done():
                        raise EOFError(self._complaint(f"ended without {pattern!r}"))
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(
                f"no {pattern!r} in {seconds} s from {self.argv[0]}:\n{self.output[-4000:]}"
            ) from None

    async def ended(self, seconds: float = 10.0) -> int:
        """Wait for the end of the program; returns its exit code."""
        try:
            async with asyncio.timeout(seconds):
                return await self.process.wait()
        except TimeoutError:
            raise TimeoutError(
                f"{self.argv[0]} still runs after {seconds} s:\n{self.output[-4000:]}"
            ) from None

    def kill(self) -> None:
        """End it at once, without a goodbye, with all that it started."""
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _complaint(self, what: str) -> str:
        return f"{self.argv[0]}: {what}; its output:\n{self.output[-4000:]}"

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while data := await self.process.stdout.read(65536):
            self.output += data.decode(errors="replace")
            self._news.set()
        self._news.set()
