"""`/calls/{id}/media_stream` and `/conferences/{id}/media_stream`: a call's sound over a WebSocket, both ways.

Binary messages of 20 ms each: `sln` is 320 bytes (int16, little endian, 8 kHz, mono), `rtp` a 12-byte header with
payload type 96 before them (L16/8000/1, network byte order), `audiosocket` a message of that protocol. What a client
sends ahead of real time, up to a minute, is played in real time; ours: the text `{"type": "clear"}` forgets what is
not played yet. Time stamps of `rtp` count samples, 160 in each packet; VoIPBIN's advance by 320, which is a defect.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.requests import Request

from media.client import TapEnd
from voipbin_sip.api.auth import MANAGERS, asker, services
from voipbin_sip.api.errors import ApiError, answer, conflict, invalid, not_found
from voipbin_sip.platform.media_streams import MediaStreams
from voipbin_sip.platform.refused import WrongState
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.store.store import StoreUnavailable
from voipbin_sip.streams.framing import FarEnded, Framing, stream_framing
from voipbin_sip.streams.relay import CLEAR, Clear, relay

router = APIRouter()

NORMAL = 1000  # RFC 6455 section 7.4.1
_SIDES = ("", "in", "out", "both")


@router.websocket("/calls/{id}/media_stream")
async def of_call(socket: WebSocket, id: str) -> None:
    """Carry the sound of a call; ours: `direction_listen` and `direction_speak` are in, out, both or empty."""

    async def opened(streams: MediaStreams, id_: UUID) -> TapEnd:
        query = socket.query_params
        listen, speak = query.get("direction_listen", "both"), query.get("direction_speak", "both")
        if listen not in _SIDES or speak not in _SIDES:
            raise invalid("direction_listen and direction_speak are in, out, both or empty")
        return await streams.of_call(id_, listen=listen, speak=speak)

    await _serve(socket, "call", id, opened)


@router.websocket("/conferences/{id}/media_stream")
async def of_conference(socket: WebSocket, id: str) -> None:
    """Carry the sound of a conference: all of it, and to everybody."""

    async def opened(streams: MediaStreams, id_: UUID) -> TapEnd:
        return streams.of_conference(id_)

    await _serve(socket, "conference", id, opened)


async def _serve(
    socket: WebSocket,
    kind: Literal["call", "conference"],
    id_: str,
    opened: Callable[[MediaStreams, UUID], Awaitable[TapEnd]],
) -> None:
    try:
        framing = await _admitted(socket, "rtp" if kind == "call" else "")
        tap = await _tapped(socket, kind, id_, opened)
    except ApiError as error:
        request = Request({**socket.scope, "type": "http", "method": "GET"})
        await socket.send_denial_response(answer(request, error))
        return
    far = _Client(socket)
    try:
        await socket.accept()
        await relay(tap, framing, far)
        await far.close(NORMAL)
    finally:
        tap.close()


async def _admitted(socket: WebSocket, usual: str) -> Framing:
    """Return how the client wants its sound, or the usual. Raises ApiError."""
    who = await asker(socket)
    if not who.may(MANAGERS):
        raise ApiError("PERMISSION_DENIED", "PERMISSION_DENIED", "your permissions do not allow this")
    try:
        return stream_framing(socket.query_params.get("encapsulation", usual))
    except ValueError as error:
        raise invalid(str(error)) from None


async def _tapped(
    socket: WebSocket, kind: str, id_: str, opened: Callable[[MediaStreams, UUID], Awaitable[TapEnd]]
) -> TapEnd:
    live = services(socket).live
    try:
        number = UUID(id_)
    except ValueError:
        raise invalid(f"'{id_}' is no id") from None
    if live is None:
        raise not_found(kind, id_)
    try:
        return await opened(live.streams, number)
    except NotFound:
        raise not_found(kind, id_) from None
    except WrongState as error:
        raise conflict(str(error)) from None
    except StoreUnavailable:
        raise ApiError("UNAVAILABLE", "STORE_UNAVAILABLE", "the database cannot be reached now") from None


class _Client:
    """The far side (voipbin_sip.streams.relay.Far)."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def send(self, octets: bytes) -> None:
        """Send a message. Raises FarEnded."""
        try:
            await self._socket.send_bytes(octets)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise FarEnded from error

    async def receive(self) -> bytes | Clear:
        """Return a message; texts that are no commands are passed over. Raises FarEnded."""
        while True:
            try:
                message = await self._socket.receive()
            except (WebSocketDisconnect, RuntimeError, OSError) as error:
                raise FarEnded from error
            if message["type"] == "websocket.disconnect":
                raise FarEnded
            if message.get("bytes") is not None:
                return bytes(message["bytes"])
            if _is_clear(message.get("text") or ""):
                return CLEAR

    async def close(self, code: int) -> None:
        """Close, if the client has not."""
        try:
            await self._socket.close(code)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return


def _is_clear(text: str) -> bool:
    try:
        command = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(command, dict) and command.get("type") == "clear"
