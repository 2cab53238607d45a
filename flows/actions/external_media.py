"""The call's sound to a program elsewhere, and back: `external_media_start`, `external_media_stop`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from flows.actions.base import ActionType, Context, Failure, Media, Option, Outcome
from flows.ports import ExternalMedia

Direction: TypeAlias = Literal["", "in", "out", "both"]
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[^\s:/\[\]@]+):(\d{1,5})")
_SOCKET = re.compile(r"wss?://[^\s]+", re.IGNORECASE)
_CARRIED_BY = {
    "rtp": ("udp", "websocket"),
    "audiosocket": ("tcp", "websocket"),
    "none": ("tcp", "websocket"),
}


def _host(text: str) -> str:
    port = _HOST.fullmatch(text)
    if port is not None and 0 < int(port.group(2)) < 65536:
        return text
    if _SOCKET.fullmatch(text):
        return text
    raise ValueError("is not host:port (nor a ws or wss address)")


class ExternalMediaStart(ActionType):
    """Send the call's sound to a program elsewhere, play what that sends, and go on with the flow meanwhile.

    Every 20 ms a packet leaves; what arrives faster than real time is played one after the other, up to a minute of
    it (2 s with udp). It ends with the call, by `external_media_stop`, or when the other side closes. At most five
    run on a call. rtp goes by udp, or each packet in a message of a WebSocket; its sender is only heard from the
    address that it is sent to. audiosocket goes by tcp or in messages of a WebSocket, none (bare sound) likewise.
    """

    type: ClassVar[str] = "external_media_start"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    external_host: Annotated[str, AfterValidator(_host)] = Field(
        description="host:port; for a WebSocket also a ws or wss address"
    )
    encapsulation: Literal["rtp", "audiosocket", "none"] = Field(
        default="rtp", description="How sound is packed; none: bare octets"
    )
    transport: Literal["", "udp", "tcp", "websocket"] = Field(
        default="", description="What carries it; empty: udp for rtp, else tcp"
    )
    transport_data: str = Field(default="", max_length=1024, description="Path of a WebSocket")
    connection_type: Literal["client"] = Field(
        default="client",
        description="This server connects; who wants to connect to it opens the call's media_stream in the API",
    )
    format: Literal["", "ulaw", "alaw", "slin", "slin16"] = Field(
        default="", description="Of the sound; empty: ulaw, with audiosocket slin"
    )
    direction_listen: Direction = Field(
        default="",
        description="What of the call is sent; in: what the caller says, out: what the caller hears, both: added up",
    )
    direction_speak: Direction = Field(
        default="",
        description="Where what arrives goes; out: to the caller, in: to the others as if the caller said it, both",
    )
    data: str = Field(default="", description="Not used")

    @model_validator(mode="after")
    def _fits(self) -> ExternalMediaStart:
        wanted = _CARRIED_BY[self.encapsulation]
        if self.transport and self.transport not in wanted:
            raise ValueError(f"encapsulation {self.encapsulation} goes by {' or '.join(wanted)}")
        if self.encapsulation == "audiosocket" and self.format not in ("", "slin"):
            raise ValueError("audiosocket carries the format slin")
        if "://" in self.external_host and self.transport != "websocket":
            raise ValueError("a ws address needs the transport websocket")
        return self

    @classmethod
    def advice(cls, option: Option) -> Iterator[tuple[tuple[str, ...], str]]:
        """Warn of what neither sends nor plays anything."""
        if not option.get("direction_listen") and not option.get("direction_speak"):
            yield (
                ("direction_listen",),
                "nothing is sent and nothing played without 'direction_listen' or '_speak'",
            )

    async def execute(self, run: Context) -> Outcome:
        """Connect and begin."""
        usual: dict[str, Any] = {
            "rtp": ("udp", "ulaw"),
            "audiosocket": ("tcp", "slin"),
            "none": ("tcp", "ulaw"),
        }
        transport, format_ = usual[self.encapsulation]
        wanted = ExternalMedia(
            host=self.external_host,
            encapsulation=self.encapsulation,
            transport=self.transport or transport,
            transport_data=self.transport_data,
            format=self.format or format_,
            listen=self.direction_listen,
            speak=self.direction_speak,
        )
        return Outcome(f"external media {await run.call.start_external_media(wanted)}")


class ExternalMediaStop(ActionType):
    """End all external media of the call."""

    type: ClassVar[str] = "external_media_stop"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP

    async def execute(self, run: Context) -> Outcome:
        """End them."""
        return Outcome(f"{await run.call.stop_external_media()} ended")
