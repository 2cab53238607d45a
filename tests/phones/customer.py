"""A customer's program, as somebody who knows VoIPBIN's API would write it: HTTP by aiohttp, and nothing of ours.

It has an access key, takes events by webhook (and believes only signed ones) and by websocket, and steers calls.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

SECRET = "between us"
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass
class Customer:
    """The program; made by `customer`."""

    base: str
    http: aiohttp.ClientSession
    webhooks: list[dict[str, Any]] = field(default_factory=list)  # as they came, none twice
    messages: list[dict[str, Any]] = field(default_factory=list)  # of the websocket
    forged: int = 0
    _seen: set[str] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; returns the JSON of its success."""
        async with self.http.request(method, f"{self.base}/v1.0{path}", json=body) as answer:
            text = await answer.text()
            if not answer.ok:
                raise AssertionError(f"{method} {path}: {answer.status} {text}")
            return json.loads(text) if text else None

    async def download(self, path: str) -> bytes:
        """Return a file, by the link that the API answers with."""
        async with self.http.get(f"{self.base}/v1.0{path}", allow_redirects=False) as answer:
            assert answer.status == 307, await answer.text()
            link = answer.headers["Location"]
        async with (
            aiohttp.ClientSession() as stranger,
            stranger.get(link) as answer,
        ):  # the link is all it takes
            answer.raise_for_status()
            return await answer.read()

    async def take(self, request: web.Request) -> web.Response:
        """Take an event by webhook."""
        body = await request.read()
        ours = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(ours, request.headers.get("X-VoIPBIN-Signature", "")):
            self.forged += 1
            return web.Response(status=401)
        if (id_ := request.headers["X-VoIPBIN-Event-Id"]) not in self._seen:
            self._seen.add(id_)
            self.webhooks.append(json.loads(body))
        self._news.set()
        return web.Response()

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take events by websocket."""
        async for message in socket:
            self.messages.append(json.loads(message.data))
            self._news.set()

    async def until(self, there: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Wait until something has come; returns it."""
        async with asyncio.timeout(seconds):
            while not (found := there()):
                self._news.clear()
                await self._news.wait()
        return found

    async def event(self, type_: str, **fields: str) -> dict[str, Any]:
        """Wait for a webhook of a type whose resource has these fields; returns the resource."""

        def found() -> list[dict[str, Any]]:
            return [
                event["data"]
                for event in self.webhooks
                if event["type"] == type_ and fields.items() <= event["data"].items()
            ]

        resources: list[dict[str, Any]] = await self.until(found)
        return resources[-1]

    def types(self, id_: str) -> list[str]:
        """Return the types of the webhooks about a resource, in their order."""
        return [event["type"] for event in self.webhooks if event["data"].get("id") == id_]

    def digits(self, call_id: str) -> tuple[str, str]:
        """Return the digits of a call, by webhook and by websocket."""
        told = [event["data"] for event in self.webhooks if event["type"] == "dtmf_received"]
        both = (told, [message for message in self.messages if "digit" in message])
        by_webhook, by_socket = (
            "".join(data["digit"] for data in some if data["call_id"] == call_id) for some in both
        )
        return by_webhook, by_socket

    async def call(self, flow_id: str, extension: str) -> str:
        """Call an extension and run a flow; returns the id of the call."""
        order = {
            "flow_id": flow_id,
            "source": {"type": "tel", "target": "+15550100"},
            "destinations": [{"type": "extension", "target": extension}],
        }
        placed = await self.ask("POST", "/calls", order)
        direct = [call["id"] for call in placed["calls"]]
        in_groups = [id_ for group in placed["groupcalls"] for id_ in group["call_ids"]]
        (id_,) = direct or in_groups
        return str(id_)

    async def record(self, call_id: str) -> str:
        """Begin to record a call; returns the id of the recording."""
        order = {
            "format": "wav",
            "end_of_silence": 0,
            "end_of_key": "",
            "duration": 0,
            "on_end_flow_id": NOBODY,
        }
        call = await self.ask("POST", f"/calls/{call_id}/recording_start", order)
        return str(call["recording_id"])

    async def transfer(self, call_id: str, extension: str) -> dict[str, Any]:
        """Hand who talks to a call over to an extension."""
        order = {
            "transfer_type": "blind",
            "transferer_call_id": call_id,
            "transferee_addresses": [{"type": "extension", "target": extension}],
        }
        made: dict[str, Any] = await self.ask("POST", "/transfers", order)
        return made


@asynccontextmanager
async def customer(base: str, accesskey: str) -> AsyncIterator[Customer]:
    """Start the program; it tells the server where it takes events."""
    async with aiohttp.ClientSession(cookies={"accesskey": accesskey}) as http:
        program = Customer(base, http)
        app = web.Application()
        app.router.add_post("/events", program.take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        own = {
            "name": "Example Ltd",
            "webhook_method": "POST",
            "webhook_uri": f"http://127.0.0.1:{runner.addresses[0][1]}/events",
            "webhook_secret": SECRET,
        }
        owner = await program.ask("PUT", "/customer", own)
        async with http.ws_connect(f"{base}/v1.0/ws", params={"accesskey": accesskey}) as socket:
            await socket.send_json({"type": "subscribe", "topics": [f"customer_id:{owner['id']}:call"]})
            listening = asyncio.create_task(program.listen(socket))
            yield program
            listening.cancel()
        await runner.cleanup()
