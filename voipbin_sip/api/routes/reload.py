"""`/reload`: the configuration is read again, and what became of it. Ours; VoIPBIN has no files."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from voipbin_sip.api.auth import Administering, Managing, With
from voipbin_sip.api.errors import ApiError
from voipbin_sip.api.services import Services
from voipbin_sip.observe.observed import Observed
from voipbin_sip.observe.reloads import Reloaded
from voipbin_sip.resources.stamps import Stamp

router = APIRouter(tags=["server"])


class FoundFault(BaseModel):
    """One finding of the check."""

    file: str
    line: int
    column: int
    severity: Literal["error", "warning"]
    message: str


class ReloadResult(BaseModel):
    """What became of the last attempt; the start counts as one."""

    result: Literal["reloaded", "refused"]
    cause: str  # "start", "signal", "files" or "api"
    version: int  # how often the configuration was changed since the start
    flows: int  # in force, of files
    restart: list[str]  # keys of voipbin.yaml that have changed and need a restart
    findings: list[FoundFault]
    tm_reload: Stamp


@router.get("/reload")
async def get_reload(found: With, who: Managing) -> ReloadResult:
    """Show what became of the last attempt to read the configuration again."""
    return _shown(_observed(found).reloading.last)


@router.post("/reload")
async def reload(found: With, who: Administering) -> ReloadResult:
    """Read the configuration again. With any error in it, everything stays as it was."""
    return _shown(await _observed(found).reloading.reload("api"))


def _observed(found: Services) -> Observed:
    if found.observed is None:
        raise ApiError("NOT_FOUND", "NO_SERVER", "this server has no configuration to read again")
    return found.observed


def _shown(last: Reloaded) -> ReloadResult:
    return ReloadResult(
        result="reloaded" if last.ok else "refused",
        cause=last.cause,
        version=last.version,
        flows=last.flows,
        restart=[*last.restart],
        findings=[
            FoundFault(
                file=str(finding.file),
                line=finding.line,
                column=finding.column,
                severity=finding.severity.value,
                message=finding.message,
            )
            for finding in last.findings
        ],
        tm_reload=last.time,
    )
