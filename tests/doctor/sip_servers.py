"""Providers as scripts: each answers every request with one status, or is silent; servers that only speak TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.fakes.authority import Pair

Answer = Callable[[str], str | None]


def status(line: str, *headers: str) -> Answer:
    """Return what answers every request with a status line's rest, as "403 Forbidden"."""

    def answer(request: str) -> str:
        kept = [
            text
            for text in request.split("\r\n")
            if text.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        return "\r\n".join([f"SIP/2.0 {line}", *kept, *headers, "Content-Length: 0", "", ""])

    return answer


def silent(request: str) -> None:
    """Answer nothing."""


def registrar(request: str) -> str | None:
    """Greet everybody, and take nobody's password."""
    if request.startswith("OPTIONS"):
        return status("200 OK")(request)
    if "Authorization:" in request:
        return status("403 Forbidden")(request)
    challenge = 'WWW-Authenticate: Digest realm="carrier.test", nonce="abc", algorithm=MD5, qop="auth"'
    return status("401 Unauthorized", challenge)(request)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer, seen: list[str]) -> None:
        self._answer = answer
        self._seen = seen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._seen.append(data.decode())
        text = self._answer(data.decode())
        if text is not None:
            self._transport.sendto(text.encode(), addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def provider(answer: Answer, seen: list[str] | None = None) -> AsyncIterator[str]:
    """Serve on UDP at a free port; yields HOST:PORT."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Udp(answer, [] if seen is None else seen), local_addr=("127.0.0.1", 0)
    )
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


@asynccontextmanager
async def tls_server(pair: Pair) -> AsyncIterator[int]:
    """Shake hands with everybody, and say nothing; yields the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
