"""`/storage_files`, `/storage_account`, `/storage_accounts`: files that people store, and how much is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse

from voipbin_sip.api.auth import Asking, Managing, With
from voipbin_sip.api.errors import ApiError, invalid
from voipbin_sip.api.paging import Page, Paging
from voipbin_sip.api.routes.body import Body
from voipbin_sip.api.routes.recordingfiles import MOVED, link
from voipbin_sip.platform.shelf import FILE_BYTES, TooLarge
from voipbin_sip.resources.base import DEFAULT_CUSTOMER, NO_UUID
from voipbin_sip.resources.kinds.fields import Id
from voipbin_sip.resources.kinds.recording import FileResource, StorageAccount, StoredFile

router = APIRouter(tags=["storage"])
PIECE = 256 * 1024
TYPES = ("", "rag", "talk", "recording")
_FRAME = 64 * 1024  # octets of a form around its file
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "type": {"type": "string", "enum": list(TYPES)},
                    },
                }
            }
        },
    }
}


class NewAccount(Body):
    """Whose."""

    customer_id: Id = NO_UUID


@router.get("/storage_files", response_model=Page[FileResource])
async def list_files(found: With, who: Managing, paging: Paging) -> Page[StoredFile]:
    """List files, those of recordings among them."""
    return paging.page(await found.history.page(StoredFile, before=paging.before, size=paging.size))


@router.post("/storage_files", response_model=FileResource, openapi_extra=_FORM)
async def create_file(found: With, who: Managing, request: Request) -> StoredFile:
    """Store a file."""
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    length = request.headers.get("content-length", "")
    if kind.strip().lower() != "multipart/form-data" or not length.isdigit():
        raise invalid("send a form: multipart/form-data with file and type, and its Content-Length")
    if int(length) > FILE_BYTES + _FRAME:
        raise invalid(f"a file may have {FILE_BYTES} octets at most")
    async with request.form(max_files=1, max_fields=8) as form:
        file, type_ = form.get("file"), form.get("type", "")
        if not isinstance(file, UploadFile):
            raise invalid("there is no file in the form", "MISSING_REQUEST_PARAMETER")
        if type_ not in TYPES:
            raise invalid(f"type must be one of {', '.join(filter(None, TYPES))}, or empty")
        try:
            return await found.shelf.keep(_shown(file.filename), str(type_), _pieces(file))
        except TooLarge as error:
            raise ApiError("RESOURCE_EXHAUSTED", "RESOURCE_LIMIT_EXCEEDED", str(error)) from error


@router.get("/storage_files/{file_id}", response_model=FileResource)
async def get_file(found: With, who: Managing, request: Request, file_id: UUID) -> StoredFile:
    """Return a file, with a link to what is in it."""
    file = await found.history.get(StoredFile, file_id)
    if file.tm_delete is not None:
        return file
    _, expires = found.links.make("file", file_id)
    return file.changed(uri_download=link(found, request, "file", file_id), tm_download_expire=expires)


@router.delete("/storage_files/{file_id}", response_model=FileResource)
async def delete_file(found: With, who: Managing, file_id: UUID) -> StoredFile:
    """Delete a file; that of a recording goes with the recording."""
    return await found.shelf.delete_file(file_id)


@router.get(
    "/storage_files/{file_id}/file", status_code=307, response_class=RedirectResponse, responses=MOVED
)
async def get_file_content(found: With, who: Managing, request: Request, file_id: UUID) -> RedirectResponse:
    """Lead to what is in a file."""
    await found.shelf.content(file_id)
    return RedirectResponse(link(found, request, "file", file_id), 307)


@router.get("/storage_account")
async def own_account(found: With, who: Asking) -> StorageAccount:
    """Return how much is kept."""
    return await found.shelf.account()


@router.get("/storage_accounts")
async def list_accounts(found: With, who: Managing, paging: Paging) -> Page[StorageAccount]:
    """List how much is kept: there is one account."""
    account = await found.shelf.account()
    assert account.tm_create is not None
    return paging.page([account] if account.tm_create < paging.before else [])


@router.get("/storage_accounts/{account_id}")
async def get_account(found: With, who: Managing, account_id: UUID) -> StorageAccount:
    """Return how much is kept."""
    return await found.shelf.account(account_id)


@router.post("/storage_accounts")
async def create_account(found: With, who: Managing, body: NewAccount) -> StorageAccount:
    """Refuse: every customer has an account already."""
    if body.customer_id in (NO_UUID, DEFAULT_CUSTOMER):
        raise ApiError("ALREADY_EXISTS", "ALREADY_EXISTS", "this customer has a storage account already")
    raise invalid(f"there is no customer {body.customer_id}")


@router.delete("/storage_accounts/{account_id}")
async def delete_account(found: With, who: Managing, account_id: UUID) -> StorageAccount:
    """Refuse: recordings need it."""
    await found.shelf.account(account_id)
    raise ApiError("FAILED_PRECONDITION", "STATE_INVALID", "the storage account cannot be deleted")


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE):
        yield piece


def _shown(name: str | None) -> str:
    """Return the name of a file without folders; it is only ever shown."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:255] or "file"
