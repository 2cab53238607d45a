"""What the server and the children that run the speech engines tell each other.

Each record is a big-endian 32 bit length and that many bytes of MessagePack. The server writes `Order`
records to the child's standard input and reads one `Ready`, then one `Sound` or `Failed` per order, from its
standard output.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

import msgspec

LENGTH = struct.Struct(">I")
MAX_RECORD = 32 * 1024 * 1024  # bytes; half an hour of sound at 8 kHz, far beyond any sentence


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Some text of one utterance; `ipa` says how it is pronounced, for engines that can follow it."""

    text: str
    ipa: str = ""


class Order(msgspec.Struct, frozen=True, array_like=True):
    """Speak one utterance."""

    number: int
    spans: tuple[Span, ...]
    voice: str  # a name that the engine knows
    pace: float  # 1 = as the voice was made, 2 = twice as fast
    rate: int  # Hz of the sound to return: 8000 or 16000


class Ready(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The engine is loaded and has spoken once to itself, so that the next sentence is fast."""

    seconds: float  # how long that took


class Sound(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A spoken order: mono, 16 bit, little-endian, at the rate that was asked for."""

    number: int
    samples: bytes


class Failed(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The engine could not speak an order, but is still there."""

    number: int
    reason: str


Reply: TypeAlias = Ready | Sound | Failed

_encoder = msgspec.msgpack.Encoder()
_order_decoder = msgspec.msgpack.Decoder(Order)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Ready | Sound | Failed)


def frame(record: Order | Reply) -> bytes:
    """Return a record with its length in front."""
    body = _encoder.encode(record)
    return LENGTH.pack(len(body)) + body


def decode_order(body: bytes) -> Order:
    """Return the order in a record's body; raises `msgspec.DecodeError`."""
    return _order_decoder.decode(body)


def decode_reply(body: bytes) -> Reply:
    """Return the reply in a record's body; raises `msgspec.DecodeError`."""
    return _reply_decoder.decode(body)
