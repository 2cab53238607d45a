"""Errors as VoIPBIN's clients read them: one envelope for everything that is not a success."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from voipbin_sip.resources.catalogue import Declared, NotFound
from voipbin_sip.store.store import StoreUnavailable

STATUS = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PAYMENT_REQUIRED": 402,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
_WORDS = {404: ("NOT_FOUND", "ROUTE_NOT_FOUND"), 405: ("INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")}


class ErrorBody(BaseModel):
    """What went wrong."""

    status: str
    reason: str
    message: str
    request_id: str
    details: list[dict[str, Any]] = []


class ErrorEnvelope(BaseModel):
    """The body of every answer from 400 up."""

    error: ErrorBody


class ApiError(Exception):
    """An answer that is no success.

    Args:
        status: one of `STATUS`.
        reason: for programs, like `CALL_NOT_FOUND`.
        message: for people; says what to do.
    """

    def __init__(
        self,
        status: str,
        reason: str,
        message: str,
        *,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers


def invalid(message: str, reason: str = "INVALID_ARGUMENT") -> ApiError:
    """Return the error for what a client should have written otherwise."""
    return ApiError("INVALID_ARGUMENT", reason, message)


def not_found(kind: str, id_: object) -> ApiError:
    """Return the error for a resource that is not there."""
    return ApiError("NOT_FOUND", f"{kind.upper()}_NOT_FOUND", f"there is no {kind} {id_}")


def conflict(message: str, reason: str = "STATE_INVALID") -> ApiError:
    """Return the error for what cannot be done now."""
    return ApiError("FAILED_PRECONDITION", reason, message)


def answer(request: Request, error: ApiError, code: int = 0) -> Response:
    """Return the envelope of an error."""
    body = ErrorBody(
        status=error.status,
        reason=error.reason,
        message=error.message,
        request_id=request.scope.get("request_id", ""),
        details=[dict(detail) for detail in error.details],
    )
    return JSONResponse(
        ErrorEnvelope(error=body).model_dump(), code or STATUS[error.status], headers=error.headers
    )


def handle_errors(app: FastAPI) -> None:
    """Turn every exception of an application into the envelope."""
    log = structlog.get_logger("api")

    @app.exception_handler(ApiError)
    async def _known(request: Request, error: ApiError) -> Response:
        return answer(request, error)

    @app.exception_handler(NotFound)
    async def _not_found(request: Request, error: NotFound) -> Response:
        return answer(request, ApiError("NOT_FOUND", f"{error.kind.upper()}_NOT_FOUND", str(error)))

    @app.exception_handler(Declared)
    async def _declared(request: Request, error: Declared) -> Response:
        return answer(request, conflict(str(error), "DECLARED_IN_CONFIGURATION"))

    @app.exception_handler(StoreUnavailable)
    async def _unavailable(request: Request, error: StoreUnavailable) -> Response:
        return answer(
            request,
            ApiError("UNAVAILABLE", "SERVICE_UNAVAILABLE", str(error), headers={"Retry-After": "5"}),
        )

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, _validation(error))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        status, reason = _WORDS.get(error.status_code, ("INVALID_ARGUMENT", "INVALID_ARGUMENT"))
        message = f"{request.method} {request.url.path}: {error.detail}"
        headers = {"Allow": _methods_of(request)} if error.status_code == 405 else error.headers
        known = ApiError(status, reason, message, headers=headers)
        return answer(request, known, error.status_code)

    @app.exception_handler(Exception)
    async def _fault(request: Request, error: Exception) -> Response:
        log.error("request failed", request_id=request.scope.get("request_id", ""), exc_info=error)
        return answer(request, ApiError("INTERNAL", "INTERNAL", "this is a fault of the server; see its log"))


def _validation(error: RequestValidationError) -> ApiError:
    """Say what is wrong with a request, without repeating its values."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return invalid("the body is no JSON", "INVALID_JSON_BODY")
    details = [
        {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]} for fault in faults
    ]
    places = {fault["loc"][0] for fault in faults}
    reason = "INVALID_ARGUMENT"
    if places == {"path"}:
        reason = "INVALID_ID"
    elif "query" in places:
        missing = any(fault["type"] == "missing" for fault in faults)
        reason = "MISSING_REQUEST_PARAMETER" if missing else "INVALID_REQUEST_PARAMETER"
    first = details[0]
    return ApiError("INVALID_ARGUMENT", reason, f"{first['field']}: {first['message']}", details=details)


def _methods_of(request: Request) -> str:
    """Return the methods that a path has, as `Allow` lists them (RFC 9110 section 10.2.1)."""
    found: set[str] = set()
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return ", ".join(sorted(found))
