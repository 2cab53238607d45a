"""Connections to hosts that flows name: TCP and WebSocket, only where the guard lets them go."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from voipbin_sip.streams.framing import FarEnded
from voipbin_sip.streams.relay import Clear
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard, WebError

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 1.0
_CHUNK = 65_536


def split_host(text: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[address]:port`. Raises WebError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise WebError(f"'{text}' is not host:port")
    return host, int(port)


class TcpFar:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, octets: bytes) -> None:
        """Send; waits where the far side takes nothing. Raises FarEnded."""
        try:
            self._writer.write(octets)
            await self._writer.drain()
        except OSError as error:
            raise FarEnded from error

    async def receive(self) -> bytes | Clear:
        """Return what has come. Raises FarEnded."""
        try:
            octets = await self._reader.read(_CHUNK)
        except OSError as error:
            raise FarEnded from error
        if not octets:
            raise FarEnded
        return octets

    async def farewell(self, octets: bytes) -> None:
        """Send something last, if that goes at once."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                self._writer.write(octets)
                await self._writer.drain()

    async def close(self) -> None:
        """Close."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()


class WebSocketFar:
    """A WebSocket that we have opened."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, octets: bytes) -> None:
        """Send a message. Raises FarEnded."""
        try:
            await self._socket.send_bytes(octets)
        except (OSError, RuntimeError) as error:  # RuntimeError: it is closing
            raise FarEnded from error

    async def receive(self) -> bytes | Clear:
        """Return a message; texts are not for us. Raises FarEnded."""
        from aiohttp import WSMsgType

        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.BINARY:
                return bytes(message.data)
            if message.type is not WSMsgType.TEXT:
                raise FarEnded

    async def farewell(self, octets: bytes) -> None:
        """Send something last, if that goes at once."""
        with suppress(FarEnded, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.send(octets)

    async def close(self) -> None:
        """Close."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close()


async def connect_tcp(guard: HostGuard, host_port: str) -> TcpFar:
    """Connect to one of a host's addresses. Raises WebError."""
    host, port = split_host(host_port)
    problem = "no address"
    for address in await guard.addresses(host, port):
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return TcpFar(*await asyncio.open_connection(address, port))
        except TimeoutError:
            problem = f"no answer within {CONNECT_SECONDS:.0f} s"
        except OSError as error:
            problem = error.strerror or str(error)
    raise WebError(f"cannot connect to {host_port}: {problem}")


async def connect_websocket(web: WebClient, host_port: str, path: str) -> WebSocketFar:
    """Open a WebSocket to `host:port` and a path, or to a whole ws or wss address. Raises WebError."""
    scheme, found, rest = host_port.partition("://")
    if not found:
        split_host(host_port)
        scheme, rest = "ws", f"{host_port}/{path.removeprefix('/')}"
    if scheme not in ("ws", "wss"):
        raise WebError("only ws and wss addresses are WebSockets")
    url = f"{'https' if scheme == 'wss' else 'http'}://{rest}"
    return WebSocketFar(await web.websocket(url, seconds=CONNECT_SECONDS))
