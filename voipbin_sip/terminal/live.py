"""Keeps a board of calls up to date by the API: lists first, events from then on, measurements now and then.

The server may stop and come again: the connection is then begun anew, with the key that the new server has left.
Events are subscribed to before lists are read, so that nothing falls between; a call's newer state wins (`board.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from voipbin_sip.terminal.board import Board
from voipbin_sip.terminal.fetch import Api, ApiFault, understood
from voipbin_sip.terminal.refused import fetch_refused_list

MEASURE_SECONDS = 2.0  # between two looks at codec, quality and steps
SOON_SECONDS = 0.3  # a step that was never seen is looked up so soon
AGAIN_SECONDS = 1.0  # until a lost server is tried again
HEARTBEAT_SECONDS = 10.0
ENDED_PAGES = 1  # of a hundred calls
REFUSED_SECONDS = 4.0  # between two looks at refused attempts
REFUSED_SHOWN = 20


@dataclass(slots=True)
class ServerSeen:
    """What is known of the server."""

    base: str = ""
    version: str = ""
    began: datetime | None = None
    calls: int = 0  # that began since then
    status: str = ""  # ok, degraded, unavailable
    faults: dict[str, str] = field(default_factory=dict)
    trouble: str = ""  # why it is not reached; "": it is
    lost_at: float = 0.0  # monotonic, when it was reached last; 0: nobody has tried yet
    clock: timedelta = timedelta()  # that its clock is before ours

    @property
    def now(self) -> datetime:
        """The time by the server's clock."""
        return datetime.now(UTC) + self.clock


class Live:
    """Follows one server until it is cancelled.

    Args:
        find: returns a client of the server as it is now; raises ApiFault, where there is none.
        changed: is called after each change of `board` or `server`.

    Attributes:
        api: the client of the running connection, None while there is none.
    """

    def __init__(self, find: Callable[[], Api], changed: Callable[[], None]) -> None:
        self.board = Board()
        self.server = ServerSeen(trouble="connecting …")
        self.api: Api | None = None
        self._moves: dict[str, asyncio.Event] = {}
        self._find = find
        self._changed = changed
        self._unseen = asyncio.Event()  # a step whose place is not known

    async def moves(self, call_id: str) -> None:
        """Wait until something comes of a call, also what came since this was asked for last."""
        event = self._moves.setdefault(call_id, asyncio.Event())
        await event.wait()
        event.clear()

    async def run(self) -> None:
        """Connect, follow, and connect again."""
        while True:
            try:
                api = await asyncio.to_thread(self._find)
                async with api:
                    with understood(api.base):
                        await self._follow(api)
            except (ApiFault, aiohttp.ClientError, TimeoutError, OSError) as error:
                self._lose(str(error) or type(error).__name__)
            finally:
                self.api = None
            await asyncio.sleep(AGAIN_SECONDS)

    def _lose(self, why: str) -> None:
        if not self.server.trouble or not self.server.lost_at:
            self.server.lost_at = time.monotonic()
        self.server.trouble = why
        self._changed()

    async def _follow(self, api: Api) -> None:
        """Follow one connection until it breaks. Raises ApiFault, ClientError, TimeoutError."""
        customer = (await api.get("/customer"))["id"]
        url = f"{api.base}/v1.0/ws"
        async with api.http.ws_connect(url, heartbeat=HEARTBEAT_SECONDS) as socket:
            await socket.send_json(
                {"type": "subscribe", "topics": [f"customer_id:{customer}:call"], "envelope": True}
            )
            await self.measure(api, anew=True)
            self.api = api
            await self.read_lists(api)
            await self.read_refused(api)
            self.server.trouble = ""
            self._changed()
            await _first_of(self._listen(socket), self._keep_measuring(api), self._keep_refused(api))
        raise ApiFault("the server has closed the connection")

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            data: dict[str, Any] = message.json()["data"]
            if "direction" not in data:
                continue  # a digit
            self.board.take(data)
            row = self.board.get(str(data["id"]))
            if row is not None:
                if row.id in self._moves:
                    self._moves[row.id].set()
                if not row.at and row.action_id and not row.over:
                    self._unseen.set()
            self._changed()

    async def read_lists(self, api: Api) -> None:
        """Read the calls that are over, and those that go on as the API has them."""
        token = ""
        for _ in range(ENDED_PAGES):
            page = await api.get("/calls", page_size="100", **({"page_token": token} if token else {}))
            for call in reversed(page["result"]):
                if call["status"] == "hangup" or str(call["id"]) in self.board.running:
                    self.board.take(call)
            token = page["next_page_token"]

    async def _keep_refused(self, api: Api) -> None:
        while True:
            await asyncio.sleep(REFUSED_SECONDS)
            await self.read_refused(api)

    async def read_refused(self, api: Api) -> None:
        """Read the attempts that were refused before they were calls."""
        told = await fetch_refused_list(api, page_size=str(REFUSED_SHOWN))
        if self.board.take_refused(told["result"]):
            self._changed()

    async def _keep_measuring(self, api: Api) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(MEASURE_SECONDS):
                    await self._unseen.wait()
                    await asyncio.sleep(SOON_SECONDS)  # more may come
            if await self.measure(api):
                await self.read_lists(api)  # we were too slow for the event of its end

    async def measure(self, api: Api, *, anew: bool = False) -> bool:
        """Look at all calls that go on: codecs, quality, steps, and how the server is.

        Returns whether a call is gone whose end nobody has told.
        """
        self._unseen.clear()
        told = await api.get("/timelines/calls-live")
        gone = self.board.measure(told["result"], anew=anew)
        server = self.server
        server.base = api.base
        if (now := told["server"]) is not None:
            server.version, server.calls = now["version"], now["calls"]
            server.began = datetime.fromisoformat(now["tm_start"])
            server.status, server.faults = now["status"], now["faults"]
            server.clock = datetime.fromisoformat(now["tm_now"]) - datetime.now(UTC)
        self._changed()
        return gone


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Do several things until one of them is over; raises what that one raises."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def look_once(find: Callable[[], Api]) -> tuple[Board, ServerSeen]:
    """Return the calls and the server as they are now. Raises ApiFault."""
    live = Live(find, lambda: None)
    api = find()
    async with api:
        with understood(api.base):
            await live.measure(api, anew=True)
            await live.read_lists(api)
            await live.read_refused(api)
    return live.board, live.server
