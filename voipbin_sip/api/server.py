"""The API on a socket: uvicorn in the server's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from voipbin_sip.transport.certificate import Certificates


class _Uvicorn(uvicorn.Server):
    """Leaves signals to whoever runs the server, and says when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self.ready.set()


class ApiServer:
    """Serves one application."""

    def __init__(self, app: FastAPI, *, certificates: Certificates | None = None) -> None:
        self._config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",  # below, it writes queries down, and with them access keys
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=30,
            ws_ping_interval=10,
            ws_ping_timeout=60,
            ws_max_size=1024 * 1024,
            ws_per_message_deflate=False,  # fifty messages of sound a second cost more than they would save
        )
        self._config.load()
        if certificates is not None:
            self._config.ssl = _newest(certificates)
        self._server = _Uvicorn(self._config)
        self._task: asyncio.Task[None] | None = None
        self._sock: socket.socket | None = None

    async def start(self, listening: socket.socket) -> None:
        """Answer who connects to a socket, which is closed in the end."""
        self._sock = listening
        self._task = asyncio.ensure_future(self._server.serve(sockets=[self._sock]))
        ready = asyncio.ensure_future(self._server.ready.wait())
        await asyncio.wait((self._task, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            self._task.result()

    async def close(self, seconds: float = 2.0) -> None:
        """Finish the requests in hand, for `seconds` at most."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=seconds)
            if not self._task.done():
                self._server.force_exit = True
                await asyncio.wait((self._task,), timeout=seconds)
                self._task.cancel()
        if self._sock is not None:
            self._sock.close()


def _newest(certificates: Certificates) -> ssl.SSLContext:
    """Return a context that hands each handshake to the one in force."""
    context = certificates.server

    def use_newest(connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext) -> None:
        connection.context = certificates.server

    context.sni_callback = use_newest
    return context
