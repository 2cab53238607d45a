"""The OpenAPI document: what FastAPI makes of the routes, with what holds for all of them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voipbin_sip.api.errors import STATUS, ErrorEnvelope

# Where a token may stand; `auth.asker` looks in the same places.
SCHEMES = {
    "accesskey": {"type": "apiKey", "in": "query", "name": "accesskey"},
    "accesskeyCookie": {"type": "apiKey", "in": "cookie", "name": "accesskey"},
    "token": {"type": "apiKey", "in": "query", "name": "token"},
    "tokenCookie": {"type": "apiKey", "in": "cookie", "name": "token"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorEnvelope} for code in sorted({*STATUS.values(), 405} - {402, 409})
}


def describe(app: FastAPI, base: str) -> None:
    """Have an application show the whole document; what lies below `base` needs a token."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, base)
        return app.openapi_schema

    making = asyncio.Lock()

    async def show(_request: Request) -> Response:
        async with making:  # in a thread: half a second is too long for calls to wait
            return await asyncio.to_thread(lambda: JSONResponse(document()))

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's way to do it
    app.router.routes.insert(0, Route("/openapi.json", show, include_in_schema=False))  # before FastAPI's


def _document(app: FastAPI, base: str) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    made["components"]["securitySchemes"] = SCHEMES
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            answers.pop("422", None)  # FastAPI's own, which is a 400 here
            if method != "get" and "400" in answers:
                answers["409"] = {**answers["400"], "description": "Conflict"}
            if path.startswith(base):
                operation["security"] = [{name: []} for name in SCHEMES]
    for unused in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(unused, None)
    return made
