"""Downloads for flows, guarded: no way into the private network, bounded in size and time.

The host is resolved first, every address of it is checked, and the connection goes to an address that was checked
(a second look-up could answer otherwise). Each redirect passes the same gate.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from voipbin_sip.sounds.errors import FetchError

__all__ = ["FetchError", "Fetcher", "is_public"]

MAX_BYTES = 50 * 1024 * 1024
MAX_SECONDS = 15.0
MAX_REDIRECTS = 5


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
        from voipbin_sip.sounds.download import (
            download,
        )  # here, since aiohttp is slow to load and rarely needed

        return await download(url, await self._addresses(url), MAX_BYTES)

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
