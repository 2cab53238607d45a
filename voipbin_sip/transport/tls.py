"""TLS around SIP's stream connections: who connects to us, whom we connect to (RFC 3261 section 26.3.1, RFC 5922).

A handshake comes before a connection is one for anybody else: what fails in it is closed without a word and told as
one line. Contexts are asked for anew each time, so that a new certificate serves from the next connection on.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from voipbin_sip.sip.events import Hop
from voipbin_sip.transport.address import ListenAddress
from voipbin_sip.transport.identities import identities, is_for

if TYPE_CHECKING:
    from voipbin_sip.transport.certificate import Certificates  # slow to load; most servers speak no TLS

HANDSHAKE_TIMEOUT = 5.0  # seconds
GOODBYE_TIMEOUT = 2.0  # seconds for the peer's close_notify
HANDSHAKES_OF_A_SOURCE = 100  # at once: an office whose phones all come back
ACCEPTS_PER_WAKE = 64
_BACKLOG = 512
_NO_RESOURCES = 1.0  # seconds until the next try to accept when there are no file descriptors left


class TlsFault(Exception):  # noqa: N818 - reads as what happened
    """A handshake failed; the message says why, in words."""


class Tls:
    """What a server needs to speak TLS."""

    def __init__(self, certificates: Certificates, admits: Callable[[str], bool] = lambda host: True) -> None:
        """`admits` says of a source address whether it gets a handshake, which costs more than a message."""
        self._certificates = certificates
        self._admits = admits

    def listen(
        self,
        address: ListenAddress,
        make: Callable[[], asyncio.Protocol],
        on_failed: Callable[[Hop, Exception], None],
    ) -> TlsListener:
        """Accept connections at an address. Raises OSError."""
        return TlsListener(address, lambda: self._certificates.server, self._admits, make, on_failed)

    async def connect(self, protocol: asyncio.Protocol, hop: Hop) -> None:
        """Connect to a hop's remote address. Raises TlsFault, OSError."""
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: protocol,
                *hop.remote,
                ssl=self._certificates.client,
                server_hostname=expected_name(hop),
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
                ssl_shutdown_timeout=GOODBYE_TIMEOUT,
            )
        except (ssl.SSLError, ConnectionAbortedError, UnicodeError) as error:
            raise TlsFault(in_words(error)) from error

    def doubt(self, transport: asyncio.Transport, hop: Hop) -> str:
        """Return why the server that we have connected to is not who the hop means, "" if it is."""
        terms = self._certificates.terms
        if not terms.verify:
            return ""
        found = identities(transport.get_extra_info("ssl_object").getpeercert() or {})
        name = expected_name(hop)
        if any(is_for(name, one, wildcards=terms.wildcards) for one in found):
            return ""
        why = f"the certificate is for {', '.join(found[:8]) or 'nobody'}"
        if any(is_for(name, one, wildcards=True) for one in found):
            why += "; sip.tls.wildcards: true would take it"
        return why


class TlsListener:
    """Accepts connections at one address, shakes hands, and hands those on with which that worked."""

    def __init__(
        self,
        address: ListenAddress,
        context: Callable[[], ssl.SSLContext],
        admits: Callable[[str], bool],
        make: Callable[[], asyncio.Protocol],
        on_failed: Callable[[Hop, Exception], None],
    ) -> None:
        self._context = context
        self._admits = admits
        self._make = make
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._greeting: set[asyncio.Task[None]] = set()
        self._greeted: Counter[str] = Counter()  # handshakes that are under way, by source
        self._socket = socket.create_server(
            (address.host, address.port), family=address.family, backlog=_BACKLOG
        )
        self._socket.setblocking(False)
        self.address = ListenAddress("tls", address.host, self._socket.getsockname()[1])
        self._listen()

    def close(self) -> None:
        """Accept no more, give up the handshakes that are under way."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        for task in self._greeting:
            task.cancel()

    def _listen(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_WAKE):
            try:
                sock, peer = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except (
                OSError
            ):  # no file descriptors left: the connection stays in the queue and would wake us for ever
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(_NO_RESOURCES, self._listen)
                return
            if self._greeted[peer[0]] >= HANDSHAKES_OF_A_SOURCE or not self._admits(peer[0]):
                sock.close()
                continue
            sock.setblocking(False)
            task = self._loop.create_task(self._greet(sock, (peer[0], peer[1])))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _greet(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        """Shake hands."""
        self._greeted[peer[0]] += 1
        try:
            await self._loop.connect_accepted_socket(
                self._make,
                sock,
                ssl=self._context(),
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
                ssl_shutdown_timeout=GOODBYE_TIMEOUT,
            )
        except OSError as error:
            self._on_failed(
                Hop("TLS", (self.address.host, self.address.port), peer), TlsFault(in_words(error))
            )
        finally:
            self._greeted[peer[0]] -= 1
            if not self._greeted[peer[0]]:
                del self._greeted[peer[0]]


def expected_name(hop: Hop) -> str:
    """Return whose certificate the server of a hop must show: its domain, else its address."""
    return hop.name or hop.remote[0]


def in_words(error: Exception) -> str:
    """Return why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        return "the peer does not speak TLS" if reason in _PLAIN else reason
    if isinstance(error, ConnectionAbortedError):  # asyncio's word for its time-out
        return "no handshake in time"
    return str(error) or type(error).__name__


_PLAIN = ("wrong version number", "http request", "unknown protocol", "record layer failure")
