"""How large the body of a request may be: it is read whole, before anybody has shown a token."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

MAX_BODY = 4 * 1024 * 1024  # octets, as many as a flow file may have
_STREAMED = "/v1.0/storage_files"  # reads its body itself, with a limit of its own


def limited(scope: Scope, receive: Receive) -> Receive:
    """Return what reads the body of a request, and raises HTTPException(400) when that is too large."""
    if scope["path"].rstrip("/") == _STREAMED:
        return receive
    size = 0

    async def read() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise HTTPException(400, f"the body is larger than {MAX_BODY // 1024 // 1024} MiB")
        return message

    return read
