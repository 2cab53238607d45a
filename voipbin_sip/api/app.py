"""Puts the routes together: `/v1.0`, `/auth`, `/ping`, `/openapi.json`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import structlog
from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voipbin_sip import __version__
from voipbin_sip.api import auth
from voipbin_sip.api.bodies import limited
from voipbin_sip.api.document import ERRORS, describe
from voipbin_sip.api.errors import ApiError, answer, handle_errors
from voipbin_sip.api.limits import Buckets
from voipbin_sip.api.living import handle_refused
from voipbin_sip.api.refusals import handle_refusals
from voipbin_sip.api.routes import (
    accesskeys,
    activeflows,
    agents,
    call_story,
    calls,
    calls_seen,
    conferencecalls,
    conferences,
    customer,
    explain,
    extensions,
    flows,
    groupcalls,
    login,
    me,
    media_stream,
    numbers,
    outbound_configs,
    providers,
    recordingfiles,
    recordings,
    refused,
    reload,
    routes,
    server,
    sip_analysis,
    storage,
    tags,
    timelines,
    transfers,
    trunks,
    webhook_deliveries,
    ws,
)
from voipbin_sip.api.services import Services
from voipbin_sip.transport.limits import Rate

BASE = "/v1.0"
ROUTERS = (
    accesskeys.router,
    activeflows.router,
    agents.router,
    calls.router,
    conferencecalls.router,
    conferences.router,
    customer.router,
    explain.router,
    extensions.router,
    flows.router,
    groupcalls.router,
    me.router,
    numbers.router,
    numbers.available,
    outbound_configs.own,
    outbound_configs.router,
    providers.router,
    recordingfiles.router,
    recordings.router,
    reload.router,
    routes.router,
    storage.router,
    tags.router,
    call_story.router,
    calls_seen.router,
    sip_analysis.router,
    refused.router,
    timelines.router,
    transfers.router,
    trunks.router,
    webhook_deliveries.router,
)
ADDRESS_RATE = Rate(200, 400)
LOGIN_RATE = Rate(10, 20)
CUSTOMER_RATE = Rate(16.7, 33)


def make_api(
    services: Services, routers: Sequence[APIRouter] = ROUTERS, origins: Sequence[str] = ()
) -> FastAPI:
    """Return the application; `origins` are web pages whose scripts may use it (CORS)."""
    app = FastAPI(
        title="voipbin-sip",
        version=__version__,
        description="Calls, flows and everything they use. A client written for VoIPBIN works here unchanged.",
        docs_url="/swagger",
        redoc_url="/redoc",
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.services = services
    handle_errors(app)
    handle_refusals(app)
    handle_refused(app)
    describe(app, BASE)
    per_customer = Buckets(CUSTOMER_RATE, "customer")

    async def customers_rate(who: auth.Asking) -> None:
        if not who.is_operator:  # who looks at a server must not keep its programs from it, nor they him
            per_customer.take(str(who.customer_id))

    for router in routers:
        app.include_router(router, prefix=BASE, responses=ERRORS, dependencies=[Depends(customers_rate)])
    app.include_router(ws.router, prefix=BASE)
    app.include_router(media_stream.router, prefix=BASE)
    app.include_router(login.router, prefix="/auth", responses=ERRORS)
    app.include_router(recordingfiles.downloads)
    app.include_router(server.router, responses=ERRORS)

    @app.get("/ping", tags=["server"])
    async def ping() -> dict[str, str]:
        """Say that the server is there."""
        return {"message": "pong"}

    app.add_middleware(RequestBook)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["X-Request-Id", "Retry-After"],
            allow_credentials=True,
        )
    _build_routes(app)
    return app


def _build_routes(app: FastAPI) -> None:
    """Have FastAPI make what reads requests now, which it does when the first one is matched."""
    scope = {"type": "http", "method": "GET", "path": "/none", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(scope)


class RequestBook:
    """Gives each request an id, counts it for its address, and writes it down."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = structlog.get_logger("api")
        self._addresses = Buckets(ADDRESS_RATE, "ip")
        self._logins = Buckets(LOGIN_RATE, "ip")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = f"req_{secrets.token_hex(12)}"

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                self._log.debug(
                    "request",
                    request_id=request_id,
                    method=scope["method"],
                    path=scope["path"],
                    status=message["status"],
                )
            await send(message)

        host = scope["client"][0] if scope.get("client") else ""
        try:
            (self._logins if scope["path"].startswith("/auth/") else self._addresses).take(host)
        except ApiError as error:
            await answer(Request(scope), error)(scope, receive, send_with_id)
            return
        await self._app(scope, limited(scope, receive), send_with_id)
