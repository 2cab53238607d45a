"""`/metrics`, `/health`, `/ready`: for those who watch over the server. They are outside of `/v1.0`, and ours."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse

from voipbin_sip.api.auth import MANAGERS, With, asker
from voipbin_sip.api.errors import ApiError
from voipbin_sip.api.services import Services
from voipbin_sip.observe.health import Health
from voipbin_sip.observe.metrics import CONTENT_TYPE
from voipbin_sip.observe.observed import Observed

router = APIRouter(tags=["server"])
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class HealthShown(BaseModel):
    """How the server is. What is wrong is shown to those on this machine and with a key."""

    status: str  # ok, degraded or unavailable
    faults: dict[str, str] = {}


async def _watching(connection: HTTPConnection) -> bool:
    """Let those through who are on this machine, not by way of a proxy, or who may manage."""
    if _from_here(connection):
        return True
    if not (await asker(connection)).may(MANAGERS):
        raise ApiError("PERMISSION_DENIED", "PERMISSION_DENIED", "your permissions do not allow this")
    return True


async def _insider(connection: HTTPConnection) -> bool:
    """Whether somebody may see more than one word."""
    try:
        return await _watching(connection)
    except ApiError:
        return False


@router.get("/metrics", response_class=PlainTextResponse, include_in_schema=False)
async def metrics(found: With, watching: Annotated[bool, Depends(_watching)]) -> Response:
    """Show what the server counts, for Prometheus."""
    return Response(_observed(found).metrics.page(), media_type=CONTENT_TYPE)


@router.get("/health")
async def get_health(
    found: With, response: Response, insider: Annotated[bool, Depends(_insider)]
) -> HealthShown:
    """Say how the server is; 200 as long as it answers at all, so that nobody kills one that has calls."""
    return _shown(_observed(found).health(), insider=insider)


@router.get("/ready")
async def get_ready(
    found: With, response: Response, insider: Annotated[bool, Depends(_insider)]
) -> HealthShown:
    """Say whether the server takes new calls: 200, or 503 while it ends or has no media worker."""
    state = _observed(found).health()
    response.status_code = 200 if state.ready else 503
    return _shown(state, insider=insider)


def _shown(state: Health, *, insider: bool) -> HealthShown:
    return HealthShown(status=state.word, faults=dict(state.faults) if insider else {})


def _observed(found: Services) -> Observed:
    if found.observed is None:
        raise ApiError("NOT_FOUND", "NO_SERVER", "there is no server around this API")
    return found.observed


def _from_here(connection: HTTPConnection) -> bool:
    if connection.client is None or any(name in connection.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(connection.client.host).is_loopback
    except ValueError:
        return False
