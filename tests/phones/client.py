"""A program of a customer: it asks the HTTP API, and hears events by websocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.phones.server import Server


class Client:
    """Made by `client`. `events` are all that were told, oldest first: {"id", "type", "data"}."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self._base = f"{server.api}/v1.0"
        self._key = {"accesskey": server.accesskey}
        self._http = http
        self.events: list[dict[str, Any]] = []
        self._came = asyncio.Event()

    async def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a request, and return the JSON of its answer, which has to have a status."""
        async with self._http.request(method, self._base + path, json=body, params=self._key) as answer:
            text = await answer.text()
            assert answer.status == status, f"{method} {path}: {answer.status} {text}"
            return json.loads(text) if text else None

    async def event(self, type_: str, seconds: float = 10.0, **data: str) -> dict[str, Any]:
        """Wait for an event whose data has these values, also one that came before."""
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if event["type"] == type_ and data.items() <= event["data"].items():
                        return event
                self._came.clear()
                await self._came.wait()

    def types(self, id_: str) -> list[str]:
        """Return the types of the events of a resource."""
        return [event["type"] for event in self.events if event["data"].get("id") == id_]

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take events until the socket closes."""
        async for message in socket:
            self.events.append(message.json())
            self._came.set()


@asynccontextmanager
async def client(server: Server) -> AsyncIterator[Client]:
    """Open the API with an access key and subscribe to everything of its customer."""
    async with aiohttp.ClientSession() as http:
        program = Client(server, http)
        customer = (await program("GET", "/customer"))["id"]
        url = f"{server.api}/v1.0/ws".replace("http", "ws", 1)
        async with http.ws_connect(url, params={"accesskey": server.accesskey}) as socket:
            await socket.send_json(
                {"type": "subscribe", "topics": [f"customer_id:{customer}"], "envelope": True}
            )
            listening = asyncio.create_task(program.listen(socket))
            try:
                yield program
            finally:
                listening.cancel()
