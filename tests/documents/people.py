"""People for a page to talk about: phones that register and answer, a caller who hangs up, and one who stays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import AsyncExitStack

from tests.phones.wire import wire
from tests.phones.wire_peer import Message, Peer, peer, sdp

ANSWERS_AFTER = 0.3  # s


class People:
    """A thread of their own, until `leave`."""

    def __init__(self, server: str, passwords: Mapping[str, str]) -> None:
        self._server = server
        self._passwords = passwords
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._open = AsyncExitStack()
        self._has_called = False
        self._tasks: set[asyncio.Task[None]] = set()

    def register(self) -> None:
        """Put a phone at each extension, which answers whatever comes."""
        self._do(self._register())

    def call(self) -> None:
        """Let one caller of 100 hang up, and another one stay; once."""
        if not self._has_called:
            self._has_called = True
            self._do(self._call())

    def leave(self) -> None:
        """End all of them."""
        self._do(self._open.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        self._loop.close()

    def _do(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20.0)

    async def _register(self) -> None:
        for extension, password in self._passwords.items():
            phone = await self._open.enter_async_context(peer(self._server))
            await phone.register(extension, password)
            phone.told = lambda message, phone=phone: self._told(phone, message)

    def _told(self, phone: Peer, message: Message) -> None:
        task = asyncio.get_running_loop().create_task(_answer(phone, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self) -> None:
        line = await self._open.enter_async_context(wire(self._server))
        short, long = await line.new_call("100"), await line.new_call("100")
        assert await short.invite() == 200
        await asyncio.sleep(0.3)
        await short.bye()
        assert await long.invite() == 200
        await asyncio.sleep(0.5)  # until what happened is written


async def _answer(phone: Peer, message: Message) -> None:
    talk = phone.called(message) if message.name == "INVITE" else None
    if talk is not None and ";tag=" not in message["To"]:
        talk.reply(message, "180 Ringing")
        await asyncio.sleep(ANSWERS_AFTER)
        talk.reply(message, "200 OK", body=sdp())
    elif message.name in ("BYE", "OPTIONS", "CANCEL", "NOTIFY"):
        phone.send(_ok(message))


def _ok(request: Message) -> str:
    kept = [
        f"{name}: {value}\r\n"
        for name, value in request.headers
        if name in ("Via", "From", "To", "Call-ID", "CSeq")
    ]
    return f"SIP/2.0 200 OK\r\n{''.join(kept)}Content-Length: 0\r\n\r\n"
