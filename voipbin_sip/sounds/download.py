"""One HTTP request to addresses that were checked beforehand, bounded in size."""

from __future__ import annotations

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from voipbin_sip.sounds.errors import FetchError

REDIRECTS = (301, 302, 303, 307, 308)
CHUNK = 65_536  # bytes


async def download(url: str, addresses: list[str], max_bytes: int) -> tuple[bytes, str | None]:
    """Return the body, or where the server redirects to; connects to `addresses` only. Raises FetchError."""
    connector = aiohttp.TCPConnector(resolver=_Pinned(addresses), use_dns_cache=False)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, trust_env=False) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status in REDIRECTS:
                return b"", response.headers.get("Location", "")
            if response.status != 200:
                raise FetchError(f"the server answered {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK):
                body += chunk
                if len(body) > max_bytes:
                    raise FetchError(f"larger than {max_bytes} bytes")
            return bytes(body), None
    except (aiohttp.ClientError, ValueError) as error:
        raise FetchError(f"could not be loaded: {type(error).__name__}") from error


class _Pinned(AbstractResolver):
    """A resolver that knows only the addresses that were checked."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
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
