"""What the platform refuses, in the words of the API."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import Response

from voipbin_sip.api.errors import ApiError, answer
from voipbin_sip.platform.entries import Unfit
from voipbin_sip.platform.flow_book import FlowRefused
from voipbin_sip.platform.setup import Taken, TooMany


def handle_refusals(app: FastAPI) -> None:
    """Turn what the platform raises into the envelope."""

    @app.exception_handler(FlowRefused)
    async def _flow(request: Request, error: FlowRefused) -> Response:
        return answer(request, flow_error(error))

    @app.exception_handler(Unfit)
    async def _unfit(request: Request, error: Unfit) -> Response:
        details = [{"field": field, "message": why} for field, why in error.faults]
        return answer(request, ApiError("INVALID_ARGUMENT", "INVALID_ARGUMENT", str(error), details=details))

    @app.exception_handler(Taken)
    async def _taken(request: Request, error: Taken) -> Response:
        return answer(request, ApiError("ALREADY_EXISTS", "ALREADY_EXISTS", str(error)))

    @app.exception_handler(TooMany)
    async def _too_many(request: Request, error: TooMany) -> Response:
        return answer(request, ApiError("RESOURCE_EXHAUSTED", "RESOURCE_LIMIT_EXCEEDED", str(error)))


def flow_error(error: FlowRefused) -> ApiError:
    """Return the answer to a flow with faults: each with the path of what it is about."""
    details = []
    for finding in error.findings:
        path, colon, message = finding.message.partition(": ")
        is_path = bool(colon) and " " not in path
        details.append({"path": path if is_path else "", "message": message if is_path else finding.message})
    reason = "INVALID_ACTION_TYPE" if error.unknown_type else "INVALID_ARGUMENT"
    return ApiError("INVALID_ARGUMENT", reason, str(error)[:1000], details=details)
