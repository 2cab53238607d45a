"""Which hosts a URL may lead to: the open internet, and what the operator named (`http.allow_private`).

A flow, a webhook or a redirect can name any host; none of them may reach what only this machine can reach. Every
address of a host is looked at, and connections go to addresses that were looked at: a second look-up could answer
otherwise.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

LOOK_SECONDS = 3.0  # that somebody who waits for an answer waits for DNS
Lookup = Callable[[str, int], Awaitable[list[str]]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


class WebError(Exception):
    """A URL is refused or cannot be reached; the message says why."""


class HostGuard:
    """Says where connections may go.

    Args:
        allow_private: hosts (names or addresses) that may lie in private or loopback ranges.
        lookup: returns all addresses of a host; raises OSError.
    """

    def __init__(self, allow_private: Iterable[str] = (), lookup: Lookup | None = None) -> None:
        self._allow_private = frozenset(host.lower().strip("[]") for host in allow_private)
        self._lookup = lookup or look_up

    def check_url(self, url: str) -> None:
        """Refuse what is no web address, and addresses that are written out. Raises WebError."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise WebError(f"is no valid URL: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise WebError("only http and https URLs are used")
        if any(ord(char) <= 32 or ord(char) == 127 for char in url):
            raise WebError("a URL holds no blanks or control characters")
        try:
            address = str(ipaddress.ip_address(host.partition("%")[0]))
        except ValueError:
            return  # a name: it is looked up when the connection is made
        self._check(host, [address])

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses to connect to, all of them checked. Raises WebError."""
        try:
            found = await self._lookup(host, port)
        except (OSError, UnicodeError) as error:
            raise WebError(f"the host {host!r} has no address") from error
        self._check(host, found)
        return found

    async def check_now(self, url: str) -> None:
        """Refuse what `check_url` does, and a name that leads to a private range today. Raises WebError.

        For who is asked to remember a URL: a name without an address may have one later, and is let through.
        """
        self.check_url(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                found = await self._lookup(host, parts.port or 443)
        except (OSError, UnicodeError):  # a time-out too
            return
        self._check(host, found)

    def _check(self, host: str, addresses: list[str]) -> None:
        if host.lower() not in self._allow_private and not all(is_public(a) for a in addresses):
            raise WebError(
                f"the host {host!r} is in a private range; name it under http.allow_private to allow it"
            )


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet, also inside IPv6 forms that carry an IPv4 address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            ip = inner
        elif ip in _NAT64 or ip.packed[:12] == bytes(12):  # RFC 6052; IPv4-compatible, RFC 4291 2.5.5.1
            ip = ipaddress.IPv4Address(ip.packed[-4:])
    return ip.is_global and not ip.is_multicast


async def look_up(host: str, port: int) -> list[str]:
    """Return a host's addresses as this machine knows them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).split("%")[0] for entry in found]
