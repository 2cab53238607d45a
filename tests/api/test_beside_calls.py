"""What the API does while calls go on: nothing that takes long keeps the event loop from them."""

from __future__ import annotations

import sys
import threading
from typing import Any, cast

import pytest

from voipbin_sip.api import document
from voipbin_sip.api.app import make_api
from voipbin_sip.api.services import Services

SCOPE = {
    "type": "http",
    "method": "GET",
    "query_string": b"",
    "headers": [],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
    "scheme": "http",
    "http_version": "1.1",
    "root_path": "",
}


async def get(app: Any, path: str) -> int:
    """Return the status that an application answers with."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({**SCOPE, "path": path, "raw_path": path.encode()}, receive, send)
    return int(sent[0]["status"])


async def test_the_first_request_finds_all_routes_made() -> None:
    app = make_api(cast(Services, None))
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        assert await get(app, "/ping") == 200
    finally:
        sys.setprofile(None)
    assert calls < 20_000  # it would be half a million


async def test_the_document_is_made_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def made(app: object, base: str) -> dict[str, Any]:
        threads.append(threading.current_thread())
        return {"openapi": "3.1.0"}

    monkeypatch.setattr(document, "_document", made)
    app = make_api(cast(Services, None))
    assert [await get(app, "/openapi.json") for _ in range(2)] == [200, 200]
    (thread,) = threads  # once
    assert thread is not threading.current_thread()
