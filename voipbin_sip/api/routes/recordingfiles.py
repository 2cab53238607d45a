"""`/recordingfiles` and `/downloads`: files by links that expire and need no key."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from voipbin_sip.api.auth import Managing, With
from voipbin_sip.api.errors import ApiError
from voipbin_sip.api.links import Kind
from voipbin_sip.api.services import Services

router = APIRouter(prefix="/recordingfiles", tags=["recordings"])
downloads = APIRouter(prefix="/downloads", tags=["storage"])
MOVED: dict[int | str, dict[str, object]] = {307: {"description": "where the file is, for an hour"}}
_TYPES = {".wav": "audio/wav", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
# What others have stored is handed out as data: no browser may take it for a page of ours.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}


@router.get("/{recording_id}", status_code=307, response_class=RedirectResponse, responses=MOVED)
async def get_recordingfile(
    found: With, who: Managing, request: Request, recording_id: UUID
) -> RedirectResponse:
    """Lead to the file of a recording."""
    await found.shelf.sound(recording_id)
    return RedirectResponse(link(found, request, "recording", recording_id), 307)


@downloads.api_route(
    "/{token}", methods=["GET", "HEAD"], response_class=FileResponse, include_in_schema=False
)
async def download(found: With, token: str) -> Response:
    """Hand a file out to who has a link to it."""
    what = found.links.read(token)
    if what is None:
        raise ApiError("PERMISSION_DENIED", "LINK_EXPIRED", "the link is not ours, or an hour is over")
    kind, id_ = what
    if kind == "recording":
        path = await found.shelf.sound(id_)
        return FileResponse(path, media_type=_TYPES[path.suffix], filename=path.name, headers=_HEADERS)
    file = await found.shelf.file(id_)
    path = await found.shelf.content(id_)
    return FileResponse(path, media_type="application/octet-stream", filename=file.filename, headers=_HEADERS)


def link(found: Services, request: Request, kind: Kind, id_: UUID) -> str:
    """Return a link to a file as the client that asks can use it."""
    token, _ = found.links.make(kind, id_)
    return f"{str(request.base_url).rstrip('/')}/downloads/{token}"
