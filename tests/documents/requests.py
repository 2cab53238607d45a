"""Requests that the pages name (`POST /calls/{id}/hold`): the API must have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, WebSocketRoute

from voipbin_sip.api.app import BASE, ROUTERS
from voipbin_sip.api.routes import login, media_stream, server, ws

REQUEST = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^\s?]*)(?:\?\S*)?(?: .*)?")
_PAGES = ("/ping", "/swagger", "/redoc", "/openapi.json")


def is_known(text: str) -> bool:
    """Tell whether there is such a request; what comes behind the path is not looked at."""
    match = REQUEST.fullmatch(text.strip())
    if match is None:
        return False
    method, path = match[1], match[2].rstrip("/")
    wanted = re.sub(r"\{[^}]*\}|<[^>]*>|\b[A-Z]+\b", "x", path)
    return any(
        method == known and form.fullmatch(spelt)
        for known, form in _routes()
        for spelt in (wanted, f"{BASE}{wanted}")
    )


@cache
def _routes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = []
    for prefix, routes in _all():
        for route in routes:
            path = getattr(route, "path", "")
            form = re.compile(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(f"{prefix}{path}")))
            if isinstance(route, APIRoute):
                found += [(method, form) for method in route.methods or ()]
            elif isinstance(route, WebSocketRoute):
                found.append(("GET", form))
    return (*found, *(("GET", re.compile(re.escape(path))) for path in _PAGES))


def _all() -> Iterator[tuple[str, list[BaseRoute]]]:
    for router in (*ROUTERS, ws.router, media_stream.router):
        yield BASE, router.routes
    yield "/auth", login.router.routes
    yield "", server.router.routes
