"""`/ws`: events as they happen, by topic; ours: also from where a client was before, and with their types.

A client sends `{"type": "subscribe", "topics": [...]}`. With `"after": <event id>` it first gets what has happened
since that event; with `"envelope": true` each message is `{"id", "type", "data"}` in place of the bare resource.
"""

from __future__ import annotations

import asyncio
import json

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request

from voipbin_sip.api.auth import MANAGERS, Asker, asker, services
from voipbin_sip.api.errors import ApiError, answer
from voipbin_sip.events.event import Event
from voipbin_sip.events.hub import QUEUE, Subscriber, scopes
from voipbin_sip.events.record import Part

router = APIRouter()

WRITE_SECONDS = 10.0
POLICY_VIOLATION = 1008
MAX_TOPICS = 1000
REPLAY_QUEUE = 10 * QUEUE  # what happens while the past is sent


class _Command(BaseModel):
    """What a client sends."""

    type: str
    topics: list[str] = Field(default=[], max_length=MAX_TOPICS)
    after: int | None = Field(default=None, ge=0, strict=True)
    envelope: bool = False


@router.websocket("/ws")
async def listen(socket: WebSocket) -> None:
    """Send events until the client goes."""
    try:
        who = await asker(socket)
    except ApiError as error:
        request = Request({**socket.scope, "type": "http", "method": "GET"})
        await socket.send_denial_response(answer(request, error))
        return
    await socket.accept()
    client = _Client(socket, who)
    hub = services(socket).hub
    hub.enter(client.subscriber)
    tasks = [asyncio.ensure_future(client.read()), asyncio.ensure_future(client.write())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(client.subscriber)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Client:
    """One connection."""

    def __init__(self, socket: WebSocket, who: Asker) -> None:
        self._socket = socket
        self._who = who
        self._record = services(socket).record
        self.subscriber = Subscriber()
        self._envelope = False
        self._replayed = 0  # the last event of the past that was sent
        self._lock = asyncio.Lock()  # the past goes out before the present

    async def read(self) -> None:
        """Take commands until the client goes or asks for what it may not have."""
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                try:
                    command = _Command.model_validate(json.loads(message.get("text") or ""))
                except (ValueError, ValidationError):
                    continue  # as VoIPBIN does
                if not await self._obey(command):
                    await self._socket.close(POLICY_VIOLATION)
                    return
        except (WebSocketDisconnect, RuntimeError):
            return

    async def write(self) -> None:
        """Send what is wanted, as it comes."""
        while True:
            event = await self.subscriber.take()
            async with self._lock:
                if event.id > self._replayed:
                    await self._send(event)

    async def _obey(self, command: _Command) -> bool:
        """Carry a command out; False: the client may not have that."""
        if command.type == "unsubscribe":
            self.subscriber.topics.difference_update(command.topics)
        elif command.type == "subscribe":
            if not self._may_have(command.topics):
                return False
            self._envelope = command.envelope or self._envelope
            async with self._lock:
                self.subscriber.topics.update(command.topics)
                if command.after is not None:
                    await self._replay(command.after)
        return True

    def _may_have(self, topics: list[str]) -> bool:
        who = self._who
        own = {("agent_id", str(who.agent_id))} if who.agent_id.int else set()
        if who.may(MANAGERS):
            own.add(("customer_id", str(who.customer_id)))
        try:
            return scopes(topics) <= own and len(self.subscriber.topics) + len(topics) <= MAX_TOPICS
        except ValueError:
            return False

    async def _replay(self, after: int) -> None:
        self.subscriber.capacity = REPLAY_QUEUE
        async for event in self._record.since(after, Part("customer_id", self._who.customer_id)):
            if self.subscriber.wants(event):
                await self._send(event)
            self._replayed = event.id

    async def _send(self, event: Event) -> None:
        told = f'{{"id":{event.id},{event.body[1:]}' if self._envelope else event.text
        async with asyncio.timeout(WRITE_SECONDS):
            await self._socket.send_text(told)
