"""Calls that last for minutes, run in a thread of their own beside all other phone tests (`test_long.py`)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from tests.phones.server import Server, serving

Play: TypeAlias = Callable[
    [Server, Path], Awaitable[Any]
]  # what a test makes of its result is its own affair


class Background:
    """A server and the plays that are performed with it, all at once; `result` waits for one of them."""

    def __init__(
        self,
        folder: Path,
        flows: Mapping[str, str],
        plays: Mapping[str, Play],
        *,
        extensions: Mapping[str, str],
        sip: Mapping[str, object],
    ) -> None:
        self._folder = folder
        self._flows = flows
        self._extensions = extensions
        self._sip = sip
        self._plays = plays
        self._results: dict[str, Future[Any]] = {name: Future() for name in plays}
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="long calls", daemon=True)

    def begin(self) -> None:
        """Start the server and all plays."""
        self._thread.start()

    def result(self, name: str) -> Any:
        """Wait for the end of a play and return what it returns, or raise what it raises."""
        return self._results[name].result(timeout=400.0)

    def end(self) -> None:
        """Break off what still runs, and end the server; raise what went wrong beside the plays."""
        with suppress(RuntimeError):  # the loop is closed: all is over
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])
        self._thread.join(30.0)
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        try:
            with serving(self._folder, self._flows, extensions=self._extensions, sip=self._sip) as server:
                self._loop.run_until_complete(self._all(server))
        except BaseException as error:  # whoever waits for a result gets it, else `end` raises it
            self._fault = error
            for result in self._results.values():
                if not result.done():
                    result.set_exception(error)
        finally:
            self._loop.close()

    async def _all(self, server: Server) -> None:
        self._tasks = [asyncio.ensure_future(self._one(name, server)) for name in self._plays]
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one(self, name: str, server: Server) -> None:
        folder = self._folder / name.replace(" ", "-")
        folder.mkdir()
        try:
            self._results[name].set_result(await self._plays[name](server, folder))
        except BaseException as error:
            self._results[name].set_exception(error)
