"""TCP and TLS connections for SIP: framing, CRLF keepalive, reuse, limits (RFC 3261 section 18).

A phone behind TLS or a NAT is reached over the connection that it opened. Where that is gone a new one is opened to
the address that signalling names, and a peer that cannot be reached so has failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import socket
from collections.abc import Callable
from dataclasses import replace

import structlog

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.framing import KeepAlive, StreamFramer
from voipbin_sip.transport.address import ListenAddress
from voipbin_sip.transport.tls import Tls, expected_name
from voipbin_sip.transport.tls_stream import TlsFault

_TLS_HANDSHAKE = 0x16  # first byte of a ClientHello (RFC 8446 section 5.1); no SIP message begins so

MAX_CONNECTIONS = 10_000
MAX_UNSENT = 1024 * 1024  # bytes that wait for a peer which does not read, then it is cut off
CONNECT_TIMEOUT = 5.0  # seconds
FIRST_MESSAGE_TIMEOUT = 10.0  # seconds: a connection that says nothing is closed
PARTIAL_MESSAGE_TIMEOUT = 30.0  # seconds: one that stops in the middle of a message too


class Connection(asyncio.Protocol):
    """One connection, accepted or opened by us."""

    def __init__(
        self, owner: StreamConnections, number: int, transport: str, target: Hop | None = None
    ) -> None:
        """`transport` is "TCP" or "TLS"; `target` is where we connect to, None for one that is accepted."""
        self._owner = owner
        self.number = number
        self.hop = replace(target or Hop(transport, ("", 0), ("", 0)), connection=number)
        self.target = target
        self.fault = ""  # why the peer is not who we wanted
        self._framer = StreamFramer()
        self._heard = False
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []  # until the connection stands
        self._unsent_bytes = 0
        self._watchdog: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn the addresses, send what waited. A connection that we open keeps our listening address in its hop."""
        assert isinstance(transport, asyncio.Transport)
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if peer is not None and self.target is None:
            self.hop = replace(self.hop, local=(local[0], local[1]), remote=(peer[0], peer[1]))
        self.fault = self._owner.doubt(self, transport) if self.target is not None else ""
        if peer is None or self.fault or not self._owner.accept(self):
            transport.abort()
            return
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for data in self._unsent:
            transport.write(data)
        self._unsent.clear()
        if self.target is None:
            self._watch(FIRST_MESSAGE_TIMEOUT)

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages."""
        try:
            if not self._heard and data[0] == _TLS_HANDSHAKE:
                raise RemoteProtocolError(400, "TLS on a port without it")
            self._heard = True
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


class StreamConnections:
    """All stream sockets of the server: listeners and connections, by number."""

    def __init__(
        self,
        on_message: Callable[[bytes, Hop], None],
        on_bad_stream: Callable[[Hop, Exception], None],
        on_lost: Callable[[int, Hop | None], None],
        on_failed: Callable[[Hop], None],
        tls: Tls | None = None,
    ) -> None:
        """Make it; `tls` None: TLS is neither served nor spoken."""
        self.on_message = on_message
        self.on_bad_stream = on_bad_stream
        self._on_lost = on_lost
        self._on_failed = on_failed
        self._tls = tls
        self._log = structlog.get_logger("tls")
        self._numbers = itertools.count(1)
        self._connections: dict[int, Connection] = {}
        self._by_way: dict[_Way, Connection] = {}
        self._servers: list[asyncio.Server] = []
        self._opening: set[asyncio.Task[None]] = set()

    async def listen(self, address: ListenAddress) -> ListenAddress:
        """Accept connections at an address; returns it with the port that was bound. Raises OSError."""
        if address.transport == "tcp":
            server = await asyncio.get_running_loop().create_server(
                lambda: self._connection("TCP"), address.host, address.port, backlog=512
            )
        elif self._tls is not None:
            server = await self._tls.listen(address, lambda: self._connection("TLS"), self.on_bad_stream)
        else:
            raise OSError(errno.EINVAL, "TLS needs a certificate")
        self._servers.append(server)
        return replace(address, port=server.sockets[0].getsockname()[1])

    def send(self, data: bytes, hop: Hop) -> None:
        """Write to the hop's connection; where that is gone, to another one to the same peer, or a new one."""
        connection = self._connections.get(hop.connection) or self._by_way.get(_way(hop))
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

    def doubt(self, connection: Connection, transport: asyncio.Transport) -> str:
        """Return why the peer that we have connected to is not the one we wanted, "" if it is."""
        if self._tls is None or connection.hop.transport != "TLS":
            return ""
        return self._tls.doubt(transport, connection.hop)

    def accept(self, connection: Connection) -> bool:
        """Take a connection that stands into the books, unless there are too many."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return False
        self._connections[connection.number] = connection
        self._by_way.setdefault(_way(connection.hop), connection)
        return True

    def gone(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.pop(connection.number, None)
        if self._by_way.get(_way(connection.hop)) is connection:
            del self._by_way[_way(connection.hop)]
        self._on_lost(connection.number, connection.target)

    def _connection(self, transport: str, target: Hop | None = None) -> Connection:
        return Connection(self, next(self._numbers), transport, target)

    def _open(self, hop: Hop) -> Connection:
        connection = self._by_way[_way(hop)] = self._connection(hop.transport, hop)
        task = asyncio.get_running_loop().create_task(self._connect(connection, hop))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    async def _connect(self, connection: Connection, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(asyncio.CancelledError):
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    if hop.transport == "TCP":
                        await loop.create_connection(lambda: connection, *hop.remote)
                    elif self._tls is not None:
                        await self._tls.connect(connection, hop)
                    else:
                        raise TlsFault("there is no tls:// in sip.listen")
                if connection.fault:
                    raise TlsFault(connection.fault)
                return
            except TlsFault as fault:
                self._log.warning(
                    "no TLS connection", to=hop.remote, expected=expected_name(hop), why=str(fault)
                )
            except (OSError, TimeoutError):
                pass
            self.gone(connection)
            self._on_failed(hop)
            return
        self.gone(connection)


_Way = tuple[str, tuple[str, int], str]


def _way(hop: Hop) -> _Way:
    """Return what two hops must share to use one connection: for TLS also whom we believe to be there."""
    return hop.transport, hop.remote, hop.name
