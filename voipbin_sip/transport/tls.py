"""TLS around SIP's stream connections: who connects to us, whom we connect to (RFC 3261 section 26.3.1, RFC 5922).

A handshake comes before a connection is one for anybody else: what fails in it is closed without a word and told as
one line. Contexts are asked for anew each time, so that a new certificate serves from the next connection on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from voipbin_sip.sip.events import Hop
from voipbin_sip.transport.address import ListenAddress
from voipbin_sip.transport.identities import identities, is_for
from voipbin_sip.transport.tls_stream import TlsFault, TlsStream

if TYPE_CHECKING:
    from voipbin_sip.transport.certificate import Certificates  # slow to load; most servers speak no TLS

HANDSHAKES_OF_A_SOURCE = 100  # at once: an office whose phones all come back
_BACKLOG = 512


class Tls:
    """What a server needs to speak TLS."""

    def __init__(self, certificates: Certificates, admits: Callable[[str], bool] = lambda host: True) -> None:
        """`admits` says of a source address whether it gets a handshake, which costs more than a message."""
        self._certificates = certificates
        self._admits = admits
        self._shaking: Counter[str] = Counter()  # handshakes that are under way, by source

    async def listen(
        self,
        address: ListenAddress,
        make: Callable[[], asyncio.Protocol],
        on_failed: Callable[[Hop, Exception], None],
    ) -> asyncio.Server:
        """Accept connections at an address, give those to `make` that shake hands. Raises OSError."""

        def accepted() -> asyncio.Protocol:
            return _Guest(self._certificates, make, self._admits, self._shaking, on_failed)

        return await asyncio.get_running_loop().create_server(
            accepted, address.host, address.port, backlog=_BACKLOG
        )

    async def connect(self, protocol: asyncio.Protocol, hop: Hop) -> None:
        """Connect to a hop's remote address. Raises TlsFault, OSError."""
        loop = asyncio.get_running_loop()
        shaken: asyncio.Future[TlsFault | None] = loop.create_future()
        name = expected_name(hop)

        def told(fault: TlsFault | None) -> None:
            if not shaken.done():
                shaken.set_result(fault)

        try:
            stream = TlsStream(self._certificates.client, lambda: protocol, told, server_name=name)
        except ValueError as error:  # UnicodeError too
            raise TlsFault(f"{name!r} is no name of a server") from error
        try:
            await loop.create_connection(lambda: stream, *hop.remote)
            fault = await shaken
        except asyncio.CancelledError:
            stream.abort()
            raise
        if fault is not None:
            raise fault

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


class _Guest(TlsStream):
    """Somebody who connects to us; sent away where that is one too many."""

    def __init__(
        self,
        certificates: Certificates,
        make: Callable[[], asyncio.Protocol],
        admits: Callable[[str], bool],
        shaking: Counter[str],
        on_failed: Callable[[Hop, Exception], None],
    ) -> None:
        super().__init__(certificates.server, make, self._shaken)
        self._admits = admits
        self._shaking = shaking
        self._on_failed = on_failed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, where the source may have one."""
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if (
            peer is None
            or self._shaking[peer[0]] >= HANDSHAKES_OF_A_SOURCE
            or not self._admits(peer[0])
            or not isinstance(transport, asyncio.Transport)
        ):
            transport.close()
            return
        self._hop = Hop("TLS", (local[0], local[1]), (peer[0], peer[1]))
        self._shaking[peer[0]] += 1
        super().connection_made(transport)

    def _shaken(self, fault: TlsFault | None) -> None:
        host = self._hop.remote[0]
        self._shaking[host] -= 1
        if not self._shaking[host]:
            del self._shaking[host]
        if fault is not None:
            self._on_failed(self._hop, fault)


def expected_name(hop: Hop) -> str:
    """Return whose certificate the server of a hop must show: its domain, else its address."""
    return hop.name or hop.remote[0]
