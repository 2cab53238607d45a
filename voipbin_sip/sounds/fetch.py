"""Sounds by URL: loaded whole, through the guarded client."""

from __future__ import annotations

from voipbin_sip.sounds.errors import FetchError
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import WebError

MAX_BYTES = 50 * 1024 * 1024
MAX_SECONDS = 15.0
MAX_REDIRECTS = 5


class Fetcher:
    """Loads http and https URLs for flows."""

    def __init__(self, web: WebClient) -> None:
        self._web = web

    async def get(self, url: str) -> bytes:
        """Return the body of `url`. Raises FetchError."""
        try:
            answer = await self._web.request(
                "GET", url, max_bytes=MAX_BYTES, seconds=MAX_SECONDS, redirects=MAX_REDIRECTS
            )
        except WebError as error:
            raise FetchError(str(error)) from error
        if answer.status != 200:
            raise FetchError(f"the server answered {answer.status}")
        return answer.body
