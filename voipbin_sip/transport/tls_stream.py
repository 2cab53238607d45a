"""TLS between a TCP transport and a protocol that knows nothing of it (RFC 8446, RFC 5246).

asyncio's own TLS keeps a quarter of a mebibyte for each connection, which is a lot for a phone that says something
once in a minute. Here OpenSSL works on buffers in memory that are empty between two messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any

HANDSHAKE_TIMEOUT = 5.0  # seconds
_READ = 65_536


class TlsFault(Exception):  # noqa: N818 - reads as what happened
    """TLS did not come about; the message says why, in words."""


class TlsStream(asyncio.Protocol):
    """One TLS connection. Nothing here refers to itself: it is freed when it is closed, without a collector.

    Args:
        context: what the handshake is made with.
        make: returns the protocol behind it, once the handshake is done.
        on_shaken: told once how the handshake went: None for well.
        server_name: whom we connect to; None: they have connected to us.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        make: Callable[[], asyncio.Protocol],
        on_shaken: Callable[[TlsFault | None], None],
        *,
        server_name: str | None = None,
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self._make = make
        self._inner: asyncio.Protocol | None = None
        self._on_shaken: Callable[[TlsFault | None], None] | None = on_shaken
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._patience = asyncio.get_running_loop().call_later(
            HANDSHAKE_TIMEOUT, self._fail, "no handshake in time"
        )
        self._shake()

    def data_received(self, data: bytes) -> None:
        """Take ciphertext."""
        self._incoming.write(data)
        if self._inner is None:
            self._shake()
        if self._inner is not None:
            self._read(self._inner)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who knows of the connection."""
        self._fail("the peer closed the connection")
        self._over = True
        inner, self._inner, self._transport = self._inner, None, None
        if inner is not None:
            inner.connection_lost(error)

    def write(self, data: bytes) -> None:
        """Send plain text."""
        if self._over:
            return
        try:
            self.ssl.write(data)
        except ssl.SSLError:
            self.abort()
            return
        self._send()

    def close(self) -> None:
        """Say goodbye and close after what is written has left."""
        if self._transport is None or self._over:
            return
        self._over = True
        with contextlib.suppress(ssl.SSLError):  # "want read": the peer's goodbye is not waited for
            self.ssl.unwrap()
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()

    def extra(self, name: str, default: Any = None) -> Any:
        """Return what the TCP transport knows, and the ssl_object."""
        if name == "ssl_object":
            return self.ssl
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    @property
    def unsent(self) -> int:
        """Bytes that wait for the peer to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._over

    def _shake(self) -> None:
        if self._over:
            return
        try:
            self.ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return
        except ssl.SSLError as error:
            self._send()  # the alert that tells the peer
            self._fail(in_words(error))
            return
        self._send()
        self._settle(None)
        self._inner = self._make()
        self._inner.connection_made(PlainTransport(self))

    def _read(self, inner: asyncio.Protocol) -> None:
        while not self._over:
            try:
                data = self.ssl.read(_READ)
            except ssl.SSLWantReadError:
                self._send()  # answers of TLS itself
                return
            except ssl.SSLError:
                self.abort()
                return
            if not data:  # the peer says goodbye
                self.close()
                return
            inner.data_received(data)

    def _send(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    def _settle(self, fault: TlsFault | None) -> None:
        """End the handshake."""
        if self._patience is not None:
            self._patience.cancel()
        told, self._on_shaken = self._on_shaken, None
        if told is not None:
            told(fault)

    def _fail(self, why: str) -> None:
        """Give the handshake up, if that is not over."""
        if self._patience is None or self._on_shaken is None:
            return
        self._over = True
        if self._transport is not None:
            self._transport.close()
        self._settle(TlsFault(why))


class PlainTransport(asyncio.Transport):
    """A TlsStream as the transport of the protocol behind it."""

    def __init__(self, stream: TlsStream) -> None:
        super().__init__()
        self._stream = stream

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        self._stream.write(bytes(data))

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait."""
        return self._stream.unsent

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._stream.closing

    def close(self) -> None:
        """Close after what is written has left."""
        self._stream.close()

    def abort(self) -> None:
        """Close at once."""
        self._stream.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return peername, sockname, socket or ssl_object."""
        return self._stream.extra(name, default)


def in_words(error: Exception) -> str:
    """Return why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        return "the peer does not speak TLS" if reason in _PLAIN else reason
    return str(error) or type(error).__name__


_PLAIN = ("wrong version number", "http request", "unknown protocol", "record layer failure")
