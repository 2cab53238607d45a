"""Downloads for flows, guarded: no way into the private network, bounded in size and time.

The host is resolved first, every address of it is checked, and the connection goes to an address that was checked
(a second look-up could answer otherwise). Each redirect passes the same gate.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

MAX_BYTES = 50 * 1024 * 1024
MAX_SECONDS = 15.0
MAX_REDIRECTS = 5


class FetchError(Exception):
    """A URL was refused or could not be loaded; the message says why."""


class Fetcher:
    """Loads http and https URLs for flows.

    Args:
        allow_private: hosts (names or addresses) that may lie in private or loopback ranges.
    """

    def __init__(self, allow_private: Sequence[str] = ()) -> None:
        self._allow_private = frozenset(host.lower() for host in allow_private)

    async def get(self, url: str) -> bytes:
        """Return the body of `url`. Raises FetchError."""
        try:
            async with asyncio.timeout(MAX_SECONDS):
                for _ in range(MAX_REDIRECTS + 1):
                    body, location = await self._get_once(url)
                    if location is None:
                        return body
                    url = urljoin(url, location)
        except TimeoutError:
            raise FetchError(f"no complete answer within {MAX_SECONDS:.0f} s") from None
        raise FetchError(f"more than {MAX_REDIRECTS} redirects")

    async def _get_once(self, url: str) -> tuple[bytes, str | None]:
        import aiohttp  # here, since it is slow to load and most servers never fetch

        addresses = await self._addresses(url)
        connector = aiohttp.TCPConnector(resolver=_Pinned(addresses), use_dns_cache=False)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, trust_env=False) as session,
                session.get(url, allow_redirects=False) as response,
            ):
                if response.status in (301, 302, 303, 307, 308):
                    return b"", response.headers.get("Location", "")
                if response.status != 200:
                    raise FetchError(f"the server answered {response.status}")
                if (response.content_length or 0) > MAX_BYTES:
                    raise FetchError(f"larger than {MAX_BYTES} bytes")
                body = bytearray()
                async for chunk in response.content.iter_chunked(65_536):
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise FetchError(f"larger than {MAX_BYTES} bytes")
                return bytes(body), None
        except aiohttp.ClientError as error:
            raise FetchError(f"could not be loaded: {type(error).__name__}") from error

    async def _addresses(self, url: str) -> list[str]:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise FetchError(f"is no valid URL: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise FetchError("only http and https URLs are loaded")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"the host {host!r} has no address") from error
        addresses = [str(entry[4][0]).split("%")[0] for entry in found]
        if host.lower() not in self._allow_private:
            for address in addresses:
                if not is_public(address):
                    raise FetchError(
                        f"the host {host!r} is in a private range; name it under http.allow_private to allow it"
                    )
        return addresses


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet, also inside IPv6 forms that carry an IPv4 address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            ip = inner
        elif ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64 (RFC 6052)
            ip = ipaddress.IPv4Address(ip.packed[-4:])
    return ip.is_global and not ip.is_multicast


class _Pinned:
    """An aiohttp resolver that knows only the addresses that were checked."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in self._addresses
        ]

    async def close(self) -> None:
        return None
