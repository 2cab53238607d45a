"""A small SIP client of the doctor's: the server's own core and sockets, on ports of its own.

It sends as the server would (from the same addresses, by the same transports, with the same certificates), and takes
nothing but answers to what it has asked.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from voipbin_sip.carriers import Line
from voipbin_sip.config import Config, Locations
from voipbin_sip.sip.client_digest import ClientDigest
from voipbin_sip.sip.core import SipCore
from voipbin_sip.sip.events import Event, Hop, Response
from voipbin_sip.transport.address import ListenAddress, parse_listen_address
from voipbin_sip.transport.dns_cache import DnsCache
from voipbin_sip.transport.dns_client import DnsClient
from voipbin_sip.transport.endpoint import Endpoint
from voipbin_sip.transport.resolver import Place, Resolver
from voipbin_sip.transport.tls import Tls
from voipbin_sip.transport.tls_stream import TlsFault
from voipbin_sip.values import split_host_port

PATIENCE = 4.0  # seconds: a request over UDP was sent four times by then
CONNECT_SECONDS = 4.0


class SipLine:
    """Asks SIP servers; made by `sip_line`."""

    def __init__(self, line: Line, resolver: Resolver, tls: Tls | None, asked: set[str]) -> None:
        self._line = line
        self._tls = tls
        self._asked = asked  # hosts, whose answers are let in
        self.resolver = resolver

    def hop(self, place: Place) -> Hop:
        """Return the way to a server. Raises LookupError where sip.listen has no socket of that transport."""
        return self._line.hop(place)

    async def connect(self, place: Place) -> None:
        """Connect to a server over TCP or TLS and leave again. Raises OSError, TimeoutError, TlsFault."""
        loop, hop = asyncio.get_running_loop(), self.hop(place)
        async with asyncio.timeout(CONNECT_SECONDS):
            if place.transport == "TCP":
                transport, _ = await loop.create_connection(asyncio.Protocol, *hop.remote)
                transport.close()
            elif place.transport == "TLS" and self._tls is not None:
                visitor = _Visitor()
                await self._tls.connect(visitor, hop)
                assert visitor.transport is not None
                doubt = self._tls.doubt(visitor.transport, hop)
                visitor.transport.close()
                if doubt:
                    raise TlsFault(doubt)

    async def ask(
        self,
        method: str,
        hop: Hop,
        *,
        uri: str,
        party: str = "",
        headers: Iterable[tuple[str, str]] = (),
        credentials: tuple[str, str] | None = None,
        seconds: float | None = None,
    ) -> Response | None:
        """Return the final answer to a request, None if none came (in `seconds`, else PATIENCE). Raises SipError."""
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def take(response: Response) -> None:
            if not answered.done():
                answered.set_result(response)

        self._asked.add(hop.remote[0])
        digest = None
        if credentials is not None:
            digest = ClientDigest(*credentials, new_token=lambda: secrets.token_hex(8))
        self._line.ask(
            method,
            hop,
            take,
            uri=uri,
            from_=party or f"<sip:{self._line.domain}>",
            to=party or None,
            headers=headers,
            credentials=digest,
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE if seconds is None else seconds):
                response = await answered
                return response if len(response.headers) else None
        return None


@asynccontextmanager
async def sip_line(config: Config, places: Locations) -> AsyncIterator[SipLine]:
    """Open sockets like those of the server, on free ports; close them at the end. Raises OSError."""
    expected: dict[str, Callable[[Response], None]] = {}

    def heard(event: Event) -> None:
        if isinstance(event, Response) and event.token in expected:
            expected.pop(event.token)(event)

    loop = asyncio.get_running_loop()
    tls = _tls(config, places)
    core = SipCore(new_token=lambda: secrets.token_hex(8))
    asked: set[str] = set()
    endpoint = Endpoint(core, heard, lambda host, now: host in asked, tls=tls)
    client = DnsClient(
        [split_host_port(server, 53) for server in config.dns.servers], timeout=config.dns.timeout
    )
    cache = DnsCache(client, clock=loop.time, timeout=config.dns.timeout)
    transports = ("UDP", "TCP", "TLS") if config.sip.secure else ("UDP", "TCP")
    resolver = Resolver(cache, transports=transports, families=(4, 6), clock=loop.time)
    line = Line(
        endpoint,
        resolver,
        expect=expected.__setitem__,
        advertise=endpoint.shown,
        domain=config.domain,
        wall=time.time,
    )
    wanted = dict.fromkeys((one.transport, one.host) for one in map(parse_listen_address, config.sip.listen))
    own = [ListenAddress(by, host, 0) for by, host in wanted if by != "tls" or tls is not None]
    try:
        await endpoint.listen(own)
        yield SipLine(line, resolver, tls, asked)
    finally:
        await line.locator.close()
        await endpoint.close()
        await cache.close()


def _tls(config: Config, places: Locations) -> Tls | None:
    """Return what TLS is spoken with, None where it is not, or where its files are no good."""
    if not config.sip.secure:
        return None
    from voipbin_sip.transport.certificate import (
        CertificateError,
        Certificates,
    )  # slow to load, rarely needed

    try:
        return Tls(Certificates(config.sip.tls.terms(places.base)))
    except CertificateError:
        return None  # the area "certificate" says why


class _Visitor(asyncio.Protocol):
    """Keeps the connection for who wants to look at it."""

    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
