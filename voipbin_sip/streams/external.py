"""External media: a stream that this server begins, to a host that a flow names.

RTP goes straight from the media worker. All else is relayed here: AudioSocket over TCP or WebSocket, RTP packets as
WebSocket messages, and bare sound over TCP or WebSocket. The host passes the same guard as every URL of a flow.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4

from media.client import TapEnd
from media.messages import TapRtp
from voipbin_sip.calls.session import CallSession
from voipbin_sip.streams import audiosocket
from voipbin_sip.streams.connections import TcpFar, WebSocketFar, connect_tcp, connect_websocket, split_host
from voipbin_sip.streams.formats import FORMATS, Format
from voipbin_sip.streams.framing import AudioSocketMessages, Bare, Framing, RtpMessages
from voipbin_sip.streams.relay import relay
from voipbin_sip.streams.streams import StreamRefused, Streams
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import WebError


@dataclass(frozen=True, slots=True)
class Terms:
    """What a flow asks for, with VoIPBIN's names; checked when it was loaded."""

    external_host: str
    encapsulation: str = "rtp"
    transport: str = "udp"
    transport_data: str = ""
    format: str = "ulaw"
    direction_listen: str = ""
    direction_speak: str = ""


@dataclass(slots=True, eq=False)
class ExternalMedia:
    """One of them."""

    terms: Terms
    reference_id: UUID  # the call
    tap: TapEnd
    id: UUID = field(default_factory=uuid4)
    status: Literal["running", "terminating", "terminated"] = "running"


class Externals:
    """All external media.

    Args:
        web: opens WebSockets; its guard says where connections may go.
    """

    def __init__(self, streams: Streams, web: WebClient) -> None:
        self._streams = streams
        self._web = web
        self._of: dict[CallSession, list[ExternalMedia]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, session: CallSession) -> tuple[ExternalMedia, ...]:
        """Return those of a call that go on."""
        return tuple(self._of.get(session, ()))

    async def start(self, session: CallSession, terms: Terms) -> ExternalMedia:
        """Connect and begin. Raises StreamRefused and WebError."""
        format_ = FORMATS[terms.format]
        if terms.transport == "udp":
            return await self._start_rtp(session, terms, format_)
        far = await self._connect(session, terms)
        try:
            tap = self._tap(session, terms, format_)
        except StreamRefused:
            await far.close()
            raise
        media = self._enter(session, terms, tap)
        task = asyncio.get_running_loop().create_task(
            self._carry(session, media, _framing(terms, format_), far)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return media

    def stop(self, session: CallSession) -> int:
        """End all external media of a call; returns how many there were."""
        running = self.of(session)
        for media in running:
            media.status = "terminating"
            media.tap.close()
        return len(running)

    async def close(self) -> None:
        """End all of it."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _start_rtp(self, session: CallSession, terms: Terms, format_: Format) -> ExternalMedia:
        host, port = split_host(terms.external_host)
        address = (await self._web.guard.addresses(host, port))[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.connect((address, port))
            rtp = TapRtp(format_.codec, format_.payload_type, secrets.randbits(32))
            tap = self._tap(session, terms, format_, rtp, sock)
        except OSError as error:
            sock.close()
            raise WebError(f"cannot reach {terms.external_host}: {error.strerror}") from error
        except StreamRefused:
            sock.close()
            raise
        return self._enter(session, terms, tap)

    def _tap(
        self,
        session: CallSession,
        terms: Terms,
        format_: Format,
        rtp: TapRtp | None = None,
        sock: socket.socket | None = None,
    ) -> TapEnd:
        return self._streams.tap(
            session,
            listen=terms.direction_listen,
            speak=terms.direction_speak,
            rate=format_.rate,
            rtp=rtp,
            sock=sock,
        )

    async def _connect(self, session: CallSession, terms: Terms) -> TcpFar | WebSocketFar:
        if terms.transport == "websocket":
            return await connect_websocket(self._web, terms.external_host, terms.transport_data)
        far = await connect_tcp(self._web.guard, terms.external_host)
        if terms.encapsulation == "audiosocket":
            await far.send(audiosocket.introduction(session.call.id))
        return far

    def _enter(self, session: CallSession, terms: Terms, tap: TapEnd) -> ExternalMedia:
        media = ExternalMedia(terms, session.call.id, tap)
        self._of.setdefault(session, []).append(media)
        session.log.info(
            "external media",
            external_media=str(media.id),
            stream=tap.id,
            host=terms.external_host,
            encapsulation=terms.encapsulation,
            transport=terms.transport,
            format=terms.format,
        )

        def ended(_: object) -> None:
            media.status = "terminated"
            self._of[session].remove(media)
            if not self._of[session]:
                del self._of[session]

        tap.closed.add_done_callback(ended)
        return media

    async def _carry(
        self, session: CallSession, media: ExternalMedia, framing: Framing, far: TcpFar | WebSocketFar
    ) -> None:
        try:
            by = await relay(media.tap, framing, far)
            if by == "far side":
                session.log.info("external media closed by the far side", external_media=str(media.id))
        except Exception:
            session.log.exception("external media broke", external_media=str(media.id))
        finally:
            if media.terms.encapsulation == "audiosocket":
                await far.farewell(audiosocket.frame(audiosocket.HANG_UP))
            await far.close()


def _framing(terms: Terms, format_: Format) -> Framing:
    match terms.encapsulation:
        case "audiosocket":
            return AudioSocketMessages()
        case "rtp":
            return RtpMessages(format_, format_.payload_type, secrets.randbits(32))
    return Bare(format_)
