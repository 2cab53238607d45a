"""What routes that need calls work with, and what they answer where something is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from voipbin_sip.api.auth import Asker, With
from voipbin_sip.api.errors import ApiError, answer
from voipbin_sip.platform.live import Live
from voipbin_sip.platform.refused import Closing, NobodyCalled, Unspeakable, WrongState


def living(found: With) -> Live:
    """Return the services for calls. Raises ApiError where this server makes none."""
    if found.live is None:
        raise ApiError("UNAVAILABLE", "SERVICE_UNAVAILABLE", "this server has no calls")
    return found.live


Calling = Annotated[Live, Depends(living)]


def payer(who: Asker) -> str:
    """Return who answers for the calls that a request causes."""
    return f"agent:{who.agent_id}" if who.agent_id.int else f"accesskey:{who.accesskey_id}"


def handle_refused(app: FastAPI) -> None:
    """Turn what the services refuse into the envelope."""

    @app.exception_handler(WrongState)
    async def _state(request: Request, error: WrongState) -> Response:
        return answer(request, ApiError("FAILED_PRECONDITION", "STATE_INVALID", str(error)))

    @app.exception_handler(Closing)
    async def _closing(request: Request, error: Closing) -> Response:
        return answer(request, ApiError("UNAVAILABLE", "SERVICE_UNAVAILABLE", str(error)))

    @app.exception_handler(NobodyCalled)
    async def _nobody(request: Request, error: NobodyCalled) -> Response:
        details: list[Mapping[str, Any]] = [
            {"destination": where, "message": why} for where, why in error.faults
        ]
        return answer(
            request,
            ApiError("INVALID_ARGUMENT", "DESTINATION_NOT_REACHABLE", str(error), details=details),
        )

    @app.exception_handler(Unspeakable)
    async def _unspeakable(request: Request, error: Unspeakable) -> Response:
        return answer(request, ApiError("INVALID_ARGUMENT", "INVALID_ARGUMENT", str(error)))
