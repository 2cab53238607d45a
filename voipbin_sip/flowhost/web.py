"""Requests to web servers that flows name (flows.ports.WebPort), on the guarded client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog
from structlog.typing import FilteringBoundLogger

from flows import StepFailed, WebAnswer
from voipbin_sip.logs import concerned
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import WebError

PER_HOST = 128  # connections: many callers may wait for the same server
REQUEST_SECONDS = 10.0  # a caller waits
MAX_BYTES = 1024 * 1024
TRIES = 3  # as VoIPBIN does
PAUSE = 1.0  # seconds between them
MAX_WAITING = 2000  # requests that no run waits for
LAST_SECONDS = 3.0  # for those when the server ends

Headers = Iterable[tuple[str, str]]


class FlowWeb:
    """Asks and notifies.

    Args:
        client: for flows alone, so that one server of theirs that hangs holds up nothing else; closed with it.

    Attributes:
        signed: returns the headers that prove that a body is ours.
    """

    def __init__(
        self, client: WebClient, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.signed: Callable[[bytes], Headers] = lambda body: ()
        self._client = client
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._log: FilteringBoundLogger = structlog.get_logger("flow")

    async def request(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        """Send a request. Raises StepFailed."""
        return await self._once(method, url, body.encode(), [("Content-Type", content_type)])

    async def notify(self, method: str, url: str, *, body: str, content_type: str) -> WebAnswer:
        """Send it signed, up to three times. Raises StepFailed."""
        content = body.encode()
        headers = [("Content-Type", content_type), *self.signed(content)]
        for left in reversed(range(TRIES)):
            try:
                answer = await self._once(method, url, content, headers)
                if answer.status < 500 or not left:
                    return answer
            except StepFailed:
                if not left:
                    raise
            await self._sleep(PAUSE)
        raise AssertionError("the last try returns or raises")

    def send(self, method: str, url: str, *, body: str, content_type: str) -> None:
        """Notify in the background. Raises StepFailed where too many wait."""
        if self._closing or len(self._tasks) >= MAX_WAITING:
            raise StepFailed("too many requests wait to be sent")
        work = self._send(method, url, body, content_type, self._log.bind(**concerned()))
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give what waits a last moment."""
        self._closing = True
        if self._tasks:
            _, late = await asyncio.wait([*self._tasks], timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._client.close()

    async def _send(
        self, method: str, url: str, body: str, content_type: str, log: FilteringBoundLogger
    ) -> None:
        try:
            answer = await self.notify(method, url, body=body, content_type=content_type)
        except StepFailed as error:
            log.warning("webhook of a flow not sent", why=str(error))
            return
        level = log.debug if answer.status < 400 else log.warning
        level("webhook of a flow sent", status=answer.status)

    async def _once(self, method: str, url: str, body: bytes, headers: Headers) -> WebAnswer:
        try:
            answer = await self._client.request(
                method,
                url,
                body=body or None,
                headers=headers,
                max_bytes=MAX_BYTES,
                seconds=REQUEST_SECONDS,
            )
        except WebError as error:
            raise StepFailed(str(error)) from error
        return WebAnswer(answer.status, answer.text)
