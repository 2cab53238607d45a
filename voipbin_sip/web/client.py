"""One client for all requests to the outside: pooled connections, checked addresses, bounded answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from voipbin_sip.web.guard import HostGuard, WebError

if TYPE_CHECKING:
    import aiohttp

REDIRECTS = (301, 302, 303, 307, 308)
CHUNK = 65_536  # bytes
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 15.0  # until the header
MAX_REDIRECTS = 3
PING_SECONDS = 20.0  # between two pings of a WebSocket
PER_HOST = 8  # connections: a slow receiver keeps no others waiting
CONNECTIONS = 256  # in all


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the body as UTF-8."""
        return self.body.decode("utf-8", "replace")


class WebClient:
    """Sends requests. Close it when the server ends.

    Args:
        per_host: connections to one host at a time.
    """

    def __init__(self, guard: HostGuard, *, per_host: int = PER_HOST) -> None:
        self.guard = guard
        self._per_host = per_host
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Iterable[tuple[str, str]] = (),
        max_bytes: int = 1024 * 1024,
        seconds: float = 30.0,
        redirects: int = MAX_REDIRECTS,
    ) -> Answer:
        """Return the answer, whatever its status; redirects are followed and pass the same guard.

        Raises WebError: refused, not reached, no complete answer within `seconds`, longer than `max_bytes`, more
        than `redirects` redirections.
        """
        try:
            async with asyncio.timeout(seconds):
                for _ in range(redirects + 1):
                    answer, location = await self._once(method, url, body, headers, max_bytes)
                    if location is None:
                        return answer
                    url = urljoin(url, location)
                    if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                        method, body = "GET", None  # RFC 9110 section 15.4
        except TimeoutError:
            raise WebError(f"no complete answer within {seconds:.0f} s") from None
        raise WebError(f"more than {redirects} redirects")

    async def websocket(
        self, url: str, *, seconds: float = CONNECT_SECONDS, max_bytes: int = CHUNK
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket to an http or https URL; its messages may have `max_bytes`. Raises WebError."""
        import aiohttp

        self.guard.check_url(url)
        try:
            async with asyncio.timeout(seconds):
                return await self._opened().ws_connect(
                    url, max_msg_size=max_bytes, heartbeat=PING_SECONDS, compress=0
                )
        except TimeoutError:
            raise WebError(f"no WebSocket within {seconds:.0f} s") from None
        except (aiohttp.ClientError, ValueError, OSError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, WebError) else None
            raise cause or WebError(f"no WebSocket there: {_words(error)}") from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _once(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Iterable[tuple[str, str]],
        max_bytes: int,
    ) -> tuple[Answer, str | None]:
        import aiohttp  # here, since it is slow to load and not every server needs it

        self.guard.check_url(url)
        try:
            async with self._opened().request(
                method, url, data=body, headers=dict(headers), allow_redirects=False
            ) as response:
                if response.status in REDIRECTS and (location := response.headers.get("Location")):
                    return Answer(response.status, b""), location
                content = await _read(response, max_bytes)
                kind = response.headers.get("Content-Type", "")
                return Answer(response.status, content, kind, dict(response.headers)), None
        except (aiohttp.ClientError, ValueError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            cause = error.__cause__ if isinstance(error.__cause__, WebError) else None
            raise cause or WebError(f"cannot be reached: {_words(error)}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(
                resolver=_resolver(self.guard),
                use_dns_cache=False,
                limit=CONNECTIONS,
                limit_per_host=self._per_host,
            )
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # a small answer must not become a large one
                headers={"User-Agent": "voipbin-sip", "Accept-Encoding": "identity"},
            )
        return self._session


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > max_bytes:
            raise WebError(f"larger than {max_bytes} bytes")
    return bytes(body)


def _resolver(guard: HostGuard) -> Any:
    """Return a resolver that gives addresses away only after the guard has seen them."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Guarded(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            try:
                addresses = await guard.addresses(host, port)
            except WebError as error:
                raise OSError(str(error)) from error
            return [
                {
                    "hostname": host,
                    "host": address,
                    "port": port,
                    "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                    "proto": 0,
                    "flags": socket.AI_NUMERICHOST,
                }
                for address in addresses
            ]

        async def close(self) -> None:
            return None

    return Guarded()


def _words(error: BaseException) -> str:
    """Return what a connection failed of: the deepest cause says it best."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, WebError):
        return str(error)
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
