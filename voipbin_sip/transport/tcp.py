"""TCP connections for SIP: framing, CRLF keepalive, reuse of the caller's connection, limits (RFC 3261 section 18)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.framing import KeepAlive, StreamFramer
from voipbin_sip.transport.address import ListenAddress

MAX_CONNECTIONS = 10_000
MAX_UNSENT = 1024 * 1024  # bytes that wait for a peer which does not read, then it is cut off
CONNECT_TIMEOUT = 5.0  # seconds
FIRST_MESSAGE_TIMEOUT = 10.0  # seconds: a connection that says nothing is closed
PARTIAL_MESSAGE_TIMEOUT = 30.0  # seconds: one that stops in the middle of a message too


class Connection(asyncio.Protocol):
    """One TCP connection, accepted or opened by us."""

    def __init__(self, owner: TcpConnections, number: int, remote: tuple[str, int] | None = None) -> None:
        self._owner = owner
        self.number = number
        self.remote = remote or ("", 0)
        self._opened_by_us = remote is not None
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []  # until the connection stands
        self._unsent_bytes = 0
        self._watchdog: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the addresses, send what waited."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if peer is None or not self._owner.accept(self):
            transport.abort()
            return
        self.remote = self.remote if self._opened_by_us else (peer[0], peer[1])
        self.hop = Hop("TCP", (local[0], local[1]), (peer[0], peer[1]), self.number)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for data in self._unsent:
            transport.write(data)
        self._unsent.clear()
        if not self._opened_by_us:
            self._watch(FIRST_MESSAGE_TIMEOUT)

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages."""
        try:
            frames = self._framer.feed(data)
        except RemoteProtocolError as error:
            self._owner.on_bad_stream(self.hop, error)
            self.close()
            return
        for frame in frames:
            if isinstance(frame, KeepAlive):
                if frame is KeepAlive.PING:
                    self.write(b"\r\n")  # the pong of RFC 5626 section 4.4.1
            else:
                self._owner.on_message(frame, self.hop)
        if self._framer.pending:
            self._watch(PARTIAL_MESSAGE_TIMEOUT)
        elif self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the owner."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._owner.gone(self)

    def write(self, data: bytes) -> None:
        """Send, or keep until the connection stands; a peer that does not read is cut off."""
        if self._transport is None:
            self._unsent_bytes += len(data)
            if self._unsent_bytes <= MAX_UNSENT:
                self._unsent.append(data)
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self._transport.abort()
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close after what is written has left."""
        if self._transport is not None:
            self._transport.close()

    def _watch(self, seconds: float) -> None:
        if self._watchdog is None:
            self._watchdog = asyncio.get_running_loop().call_later(seconds, self.close)


class TcpConnections:
    """All TCP sockets of the server: listeners and connections, by number."""

    def __init__(
        self,
        on_message: Callable[[bytes, Hop], None],
        on_bad_stream: Callable[[Hop, RemoteProtocolError], None],
        on_lost: Callable[[int], None],
        on_failed: Callable[[Hop], None],
    ) -> None:
        self.on_message = on_message
        self.on_bad_stream = on_bad_stream
        self._on_lost = on_lost
        self._on_failed = on_failed
        self._numbers = itertools.count(1)
        self._connections: dict[int, Connection] = {}
        self._by_remote: dict[tuple[str, int], Connection] = {}
        self._servers: list[asyncio.Server] = []
        self._opening: set[asyncio.Task[None]] = set()

    async def listen(self, address: ListenAddress) -> ListenAddress:
        """Accept connections at an address; returns it with the port that was bound. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self, next(self._numbers)), address.host, address.port, backlog=512
        )
        self._servers.append(server)
        return ListenAddress("tcp", address.host, server.sockets[0].getsockname()[1])

    def send(self, data: bytes, hop: Hop) -> None:
        """Write to the hop's connection; where that is gone, to another one to the same peer, or a new one."""
        connection = self._connections.get(hop.connection) or self._by_remote.get(hop.remote)
        if connection is None:
            connection = self._open(hop)
        connection.write(data)

    def keep_open(self, number: int) -> None:
        """Send CRLF over a connection, if it stands."""
        connection = self._connections.get(number)
        if connection is not None:
            connection.write(b"\r\n")

    async def close(self) -> None:
        """Close listeners and connections."""
        for server in self._servers:
            server.close()
        for task in self._opening:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()
        await asyncio.sleep(0)

    def accept(self, connection: Connection) -> bool:
        """Take a connection that stands into the books, unless there are too many."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return False
        self._connections[connection.number] = connection
        self._by_remote.setdefault(connection.remote, connection)
        return True

    def gone(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.pop(connection.number, None)
        if self._by_remote.get(connection.remote) is connection:
            del self._by_remote[connection.remote]
        self._on_lost(connection.number)

    def _open(self, hop: Hop) -> Connection:
        connection = Connection(self, next(self._numbers), hop.remote)
        self._by_remote[hop.remote] = connection
        task = asyncio.get_running_loop().create_task(self._connect(connection, hop))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    async def _connect(self, connection: Connection, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(asyncio.CancelledError):
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await loop.create_connection(lambda: connection, hop.remote[0], hop.remote[1])
                return
            except (OSError, TimeoutError):
                self.gone(connection)
                self._on_failed(hop)
                return
        self.gone(connection)
