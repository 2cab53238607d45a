"""The messages between the control process and a media worker: orders down, events up.

One SEQPACKET record carries one message, encoded as MessagePack with msgspec (tagged arrays). Sockets travel
beside `OpenLeg` as file descriptors. `VERSION` is exchanged in `Hello`; a worker of another version is refused.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

VERSION = 7


class SrtpKeys(msgspec.Struct, frozen=True, array_like=True):
    """The keys of one stream, as SDES agreed on them (RFC 4568); never shown."""

    suite: str  # "AES_CM_128_HMAC_SHA1_80" or "AES_CM_128_HMAC_SHA1_32"
    send: bytes  # master key and salt of what we send, 30 octets
    receive: bytes  # of what the peer sends

    def __repr__(self) -> str:
        return f"SrtpKeys({self.suite})"


class OtherCodec(msgspec.Struct, frozen=True, array_like=True):
    """A codec that the peer may send in place of the stream's own, because we offered it (RFC 3264 section 5.1)."""

    codec: str  # named as in `Stream`
    send_payload_type: int  # -1: the peer did not list it
    receive_payload_type: int


class Stream(msgspec.Struct, frozen=True, array_like=True):
    """What offer and answer agreed for one audio stream, as our side sees it (RFC 3264).

    Payload types `send_*` are the numbers the peer listed (we put them into packets that we send), `receive_*`
    those that we listed (the peer puts them into its packets). -1 means that there is none.
    """

    codec: str  # "PCMU", "PCMA", "G722", "L16/8000" or "L16/16000": what we send, and expect
    send_payload_type: int
    receive_payload_type: int
    host: str  # where our RTP goes
    port: int
    rtcp_port: int
    ptime: int = 20  # ms of sound in each packet that we send: 10, 20, 30, 40 or 60
    send_digit_payload_type: int = -1
    receive_digit_payload_type: int = -1
    digit_clock: int = 8000  # Hz, of the telephone-event payload type in use
    send: bool = True
    receive: bool = True
    srtp: SrtpKeys | None = None  # None: plain RTP
    others: tuple[OtherCodec, ...] = ()  # heard as well
    other_digits: tuple[
        tuple[int, int], ...
    ] = ()  # more payload types of telephone-event, and the clock of each


class ClipRef(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of mono int16 sound in the shared clip bank."""

    offset: int  # in samples from the start of the bank
    samples: int
    rate: int  # Hz: 8000 or 16000


class OpenLeg(msgspec.Struct, tag=True, array_like=True):
    """Take over a leg's RTP and RTCP sockets, which come as two file descriptors with this record."""

    leg: int
    slot: int  # of its row in the shared statistics
    inband_digits: bool  # listen for in-band DTMF until another source of digits shows up
    rtp_timeout: float  # seconds without any valid packet until RtpTimeout; 0 = never


class SetStream(msgspec.Struct, tag=True, array_like=True):
    """Apply what signalling agreed; the peer's source address may be learnt anew from here."""

    leg: int
    stream: Stream


class Play(msgspec.Struct, tag=True, array_like=True):
    """Queue sound for a leg; `PlayDone` ends it."""

    leg: int
    playout: int
    clips: list[ClipRef]
    urgent: bool = False  # before everything queued: what plays now is suspended and goes on afterwards
    stop_digits: str = ""  # digits that end it ("0123456789*#ABCD" for any)
    loop: bool = False
    mix: bool = False  # in a room: heard over the others instead of in their place


class StopPlay(msgspec.Struct, tag=True, array_like=True):
    """Stop one playout, or with 0 all of the leg's."""

    leg: int
    playout: int = 0


class SendDigits(msgspec.Struct, tag=True, array_like=True):
    """Send digits as RFC 4733 events, or as tones where the peer offered no telephone-event; `DigitsSent` ends it."""

    leg: int
    order: int
    digits: str
    duration: int  # ms per digit
    interval: int  # ms between digits


class Echo(msgspec.Struct, tag=True, array_like=True):
    """Return what the leg sends: "off", "sound" (decoded sound) or "stream" (packets, digit events included)."""

    leg: int
    mode: str


class OtherDigits(msgspec.Struct, tag=True, array_like=True):
    """This leg sends digits by signalling (SIP INFO): stop listening for in-band ones.

    In a room of two the digit goes on to the other leg.
    """

    leg: int
    digit: str  # also ends a playout that stops on it


class Join(msgspec.Struct, tag=True, array_like=True):
    """Enter a room, leaving the one before: all legs of a room hear each other. `room` is any number but 0.

    Digits (RFC 4733) of a leg in a room of two go on to the other one.
    """

    leg: int
    room: int


class Leave(msgspec.Struct, tag=True, array_like=True):
    """Leave the room."""

    leg: int


class Mute(msgspec.Struct, tag=True, array_like=True):
    """Silence a leg, in a room or not: "in" = what it says is dropped, "out" = what it hears, "both", "" = neither.

    Digits of a leg that is muted are still reported.
    """

    leg: int
    direction: str


class Gain(msgspec.Struct, tag=True, array_like=True):
    """Set how loud the leg is heard by the others of its room."""

    leg: int
    factor: float  # 1 = as it comes, 0 to 8


class Record(msgspec.Struct, tag=True, array_like=True):
    """Write what the leg says or hears into a new WAV file, 16-bit; `RecordDone` ends it.

    Directions: "in" = what the leg says, "out" = what it hears, "both" = stereo of the two, "mix" = their sum, and
    "room" = what it hears of its room, being a leg without a phone that only listens.
    """

    leg: int
    recording: int
    path: str
    direction: str
    rate: int  # Hz: 8000 or 16000
    duration: int = 0  # longest time, ms; 0 = no limit
    silence: int = 0  # ms of silence that end it; 0 = none do
    stop_digits: str = ""  # digits that end it


class StopRecord(msgspec.Struct, tag=True, array_like=True):
    """End a recording."""

    leg: int
    recording: int


class HandOver(msgspec.Struct, tag=True, array_like=True):
    """Give the leg up, sockets and all; `HandedOver` answers. For another worker to go on with it."""

    leg: int


class TakeOver(msgspec.Struct, tag=True, array_like=True):
    """Go on with a leg that another worker has handed over; its sockets come with this record."""

    leg: int
    slot: int
    luggage: bytes


class CloseLeg(msgspec.Struct, tag=True, array_like=True):
    """Forget the leg and close its sockets; `LegClosed` answers."""

    leg: int


class TapRtp(msgspec.Struct, frozen=True, array_like=True):
    """How a tap's socket speaks RTP."""

    codec: str  # "PCMU", "PCMA" or "L16"
    payload_type: int  # in both directions
    ssrc: int


class OpenTap(msgspec.Struct, tag=True, array_like=True):
    """Copy a leg's sound to a socket, which comes with this record, and play what arrives there; each 20 ms a packet.

    Packets are samples (int16, little endian) or RTP.
    """

    leg: int
    tap: int
    listen: str  # "in": what the leg says, "out": what it hears but of this tap, "both" added up, "": nothing
    speak: str  # "in": as if the leg said it, "out": for the leg to hear, "both", "": nothing
    rate: int = 8000  # Hz: 8000 or 16000
    rtp: TapRtp | None = None
    room: bool = False  # the leg has no phone: it is in a room for the tap


class ClearTap(msgspec.Struct, tag=True, array_like=True):
    """Forget what a tap has taken from its socket and not played yet."""

    leg: int
    tap: int


class CloseTap(msgspec.Struct, tag=True, array_like=True):
    """Close a tap and its socket; `TapClosed` answers."""

    leg: int
    tap: int


class Stop(msgspec.Struct, tag=True, array_like=True):
    """End the worker."""


Order: TypeAlias = (
    OpenLeg
    | SetStream
    | Play
    | StopPlay
    | SendDigits
    | Echo
    | OtherDigits
    | Join
    | Leave
    | Mute
    | Gain
    | Record
    | StopRecord
    | HandOver
    | TakeOver
    | CloseLeg
    | OpenTap
    | ClearTap
    | CloseTap
    | Stop
)


class Hello(msgspec.Struct, tag=True, array_like=True):
    """First message of a worker."""

    version: int
    pid: int


class PlayDone(msgspec.Struct, tag=True, array_like=True):
    """A playout is over."""

    leg: int
    playout: int
    reason: str  # "end", "digit", "stopped" or "closed"
    position: int  # ms played


class DigitsSent(msgspec.Struct, tag=True, array_like=True):
    """All digits of a SendDigits order have left."""

    leg: int
    order: int


class RecordDone(msgspec.Struct, tag=True, array_like=True):
    """A recording is over and its file closed; also after `LegClosed`."""

    leg: int
    recording: int
    reason: str  # "stopped", "duration", "silence", "key", "hangup", "disk full", "media lost" or "failed: …"
    length: int  # ms
    lost: int  # ms of it that the disk was too slow for, and that are silence now


class Digit(msgspec.Struct, tag=True, array_like=True):
    """One digit was pressed, reported once whatever carried it."""

    leg: int
    digit: str
    source: str  # "rfc4733" or "inband"
    duration: int  # ms


class FirstPacket(msgspec.Struct, tag=True, array_like=True):
    """The leg's source address is latched."""

    leg: int
    host: str
    port: int


class RtpTimeout(msgspec.Struct, tag=True, array_like=True):
    """No valid packet came for the leg's time-out."""

    leg: int
    seconds: float


class HandedOver(msgspec.Struct, tag=True, array_like=True):
    """The leg is no longer here; its sockets come with this record."""

    leg: int
    luggage: bytes  # for `TakeOver`


class LegClosed(msgspec.Struct, tag=True, array_like=True):
    """The leg is gone; its final counters."""

    leg: int
    packets_sent: int
    packets_received: int
    packets_lost: int
    packets_late: int
    packets_foreign: int  # not from the leg's peer, not RTP, or failed SRTP verification
    jitter: float  # ms, RFC 3550 section 6.4.1
    round_trip: float  # ms, from RTCP; 0 = unknown
    peer_lost: int = -1  # of our packets, as the peer reports; -1 = it has not
    peer_jitter: float = 0.0  # ms, of our stream as the peer reports


class TapClosed(msgspec.Struct, tag=True, array_like=True):
    """A tap is gone; its final counters, in packets."""

    leg: int
    tap: int
    sent: int
    received: int
    dropped: int  # out: the socket was full; in: strange, late or too many


class Load(msgspec.Struct, tag=True, array_like=True):
    """Once a second: how busy the worker is."""

    legs: int
    busy: float  # share of the tick's time spent working, 0 to 1
    late_ticks: int  # ticks skipped since the start


Event: TypeAlias = (
    Hello
    | PlayDone
    | DigitsSent
    | RecordDone
    | Digit
    | FirstPacket
    | RtpTimeout
    | HandedOver
    | LegClosed
    | TapClosed
    | Load
)
