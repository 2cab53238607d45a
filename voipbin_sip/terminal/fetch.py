"""Asks the server's API over HTTP, for the terminal: the same whether it runs here or elsewhere.

What the table of running calls is made of is `GET /v1.0/timelines/calls-live`, one answer for all of them, the newest
first, from memory:

    {"result": [{
        "id", "direction", "status",                    as in /v1.0/calls
        "source", "destination",                        addresses: {"type", "target", "target_name", "name", "detail"}
        "tm_create", "tm_progressing",
        "peer",                                         "trunk:office", "extension:1000", "provider:carrier" or ""
        "master_call_id", "confbridge_id",              or null; calls of one confbridge_id hear each other
        "flow", "step", "type", "at",                   "reception", "menu" (or ""), "talk", "reception.yaml:12"
        "action_id",                                    of that step, as `action` of the call has it
        "codec",                                        "PCMU" or ""
        "quality", "recent"}],                          since the call began, and of its last seconds; null: silence
     "server": {
        "version", "tm_start", "tm_now",
        "calls",                                        that began since its start
        "status", "faults"}}                            of its health

A quality is {"heard", "heard_lost", "heard_jitter", "heard_mos", "sent", "sent_lost", "sent_jitter", "sent_mos",
"round_trip", "late", "foreign"}: packets, losses in per cent, times in ms, scores from 1 to 4.5; null: nobody knows.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import aiohttp

SECONDS = 20.0  # for one answer
PATIENCE = 5  # times that "too many requests" is waited out


class ApiFault(Exception):  # noqa: N818 - reads as what happened
    """The API refuses, or does not answer; the message says why and what to do.

    Attributes:
        status: of HTTP, 0: no answer at all.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def understood(base: str) -> Iterator[None]:
    """Turn what an answer lacks into words: the server may be of another version, or none of ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ApiFault(
            f"{base} answers, but not what this version understands ({type(error).__name__}: {error}); use the "
            "command of the server's own version"
        ) from error


class Api:
    """A client, to be used with `async with`.

    Args:
        base: the URL of the API without its version, as running.json has it.
        token: an access key.
        own: it is the server of this machine, named by its address: its certificate is not compared with that.
    """

    def __init__(self, base: str, token: str, *, own: bool = False) -> None:
        self.base = base.rstrip("/").removesuffix("/v1.0")
        self._own = own
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Api:
        self._http = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=SECONDS),
            connector=aiohttp.TCPConnector(ssl=not self._own),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session, for what is no plain request (websockets)."""
        assert self._http is not None, "use it with `async with`"
        return self._http

    async def get(self, path: str, **query: str) -> Any:
        """Return the JSON of `/v1.0` and a path. Raises ApiFault."""
        return await self.ask("GET", path, query)

    async def ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Any:
        """Return the JSON that a request is answered with, None for an empty answer. Raises ApiFault."""
        text = await self._send(method, f"/v1.0{path}", query, body)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise ApiFault(f"{self.base} does not answer as this API does: is the address right?") from error

    async def load(self, path: str) -> bytes:
        """Return the bytes of `/v1.0` and a path. Raises ApiFault."""
        return await self._send("GET", f"/v1.0{path}")

    async def _send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> bytes:
        for _ in range(PATIENCE):
            try:
                async with self.http.request(
                    method, self.base + path, params=query or {}, json=body
                ) as answer:
                    content = await answer.read()
                    status, wait = answer.status, answer.headers.get("Retry-After", "1")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise ApiFault(f"no answer from {self.base}: {_why(error)}") from error
            if status != 429:
                break
            await asyncio.sleep(min(float(wait) if wait.isdigit() else 1.0, 5.0))
        if status >= 400:
            raise ApiFault(_message(status, content), status)
        return content


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return os.strerror(error.os_error.errno).lower()
    return str(error) or type(error).__name__


def _message(status: int, content: bytes) -> str:
    try:
        said = str(json.loads(content)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        said = f"the server answers {status}"
    if status in (401, 403):
        return f"{said}; give a good access key with --accesskey or VOIPBIN_ACCESSKEY"
    if status >= 500:
        return f"{said}; `voipbin-sip doctor` says more"
    return said
