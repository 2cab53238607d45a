"""The requests of the HTTP API, of its OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from starlette.routing import WebSocketRoute

from reference.tables import table
from voipbin_sip.api.app import BASE, make_api
from voipbin_sip.api.routes import media_stream, ws
from voipbin_sip.api.services import Services


def requests() -> Iterator[str]:
    """Yield docs/reference/api.md, by the tags of the description."""
    app = make_api(cast(Services, None))  # nothing is asked, so nothing is there to answer
    found: dict[str, list[tuple[str, str]]] = {}
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["server"])[0]
            found.setdefault(tag, []).append((f"`{method.upper()} {path}`", _what(operation)))
    for route in (*ws.router.routes, *media_stream.router.routes):
        if isinstance(route, WebSocketRoute):
            what = " ".join((route.endpoint.__doc__ or "").split("\n\n")[0].split())
            found.setdefault("websockets", []).append((f"`GET {BASE}{route.path}`", what))
    for tag in sorted(found):
        yield from ("", f"## {tag}", "", *table(("request", "what"), found[tag]))


def _what(operation: dict[str, Any]) -> str:
    return str(operation.get("description") or operation.get("summary") or "").split("\n\n")[0]
