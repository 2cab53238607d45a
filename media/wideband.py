"""The 16 kHz side of a leg, G.722 or L16: codec objects, made when they are needed (RFC 3551 4.5.2, 4.5.11).

Sound towards the peer is coded at 16 kHz. For digit detection the lower sub-band alone is decoded, at 8 kHz and
half the cost; only an echo needs the full sound. Silence is coded until the encoder has settled and then repeated.
A peer that goes over to another codec is decoded here as long as sound of both is buffered, G.711 included; codecs
with a memory, and those of another rate, begin with a cross-fade, since they would begin with a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from media.codecs import linear
from media.codecs.g711 import ALAW_DECODE, ULAW_DECODE
from media.conceal import FADE, QUANTA, drop, hold, lead_over
from media.resample import double, double_state

if TYPE_CHECKING:
    from media.codecs.g722 import Decoder, Encoder

RATE = 16000
_FRAME = 320
_SETTLED = 10  # frames of silence after which their octets do not change to the ear
_TABLES = {"PCMU": ULAW_DECODE, "PCMA": ALAW_DECODE}
_AT_ONCE = {"PCMU", "PCMA", "L16/8000"}  # at 8 kHz: decoded sample by sample


class _Companded:
    """G.711 at 8 or 16 kHz, for a leg whose peer changes between codecs."""

    __slots__ = ("_past", "_rate", "_table")

    def __init__(self, codec: str, rate: int) -> None:
        self._table = _TABLES[codec]
        self._rate = rate
        self._past = double_state(1)

    def decode(self, octets: bytes) -> NDArray[np.int16]:
        """Decode n octets into int16[n] at 8 kHz or int16[2n] at 16 kHz."""
        sound: NDArray[np.int16] = self._table.take(np.frombuffer(octets, np.uint8))
        if self._rate == RATE:
            doubled, self._past = double(sound[None], self._past)
            sound = doubled[0]
        return sound


class Wideband:
    """Codec state of one leg. `stretches` are what an L16 leg's octets stand for."""

    def __init__(self, codec: str = "G722") -> None:
        self._linear: dict[str, linear.Stretches] = {}  # by codec
        self.stretches = self.stretches_of(codec)
        self._encoder: Encoder | linear.Encoder | None = None
        self._decoders: dict[tuple[str, int], Decoder | linear.Decoder | _Companded] = {}  # by codec and rate
        self._heard = codec  # the newest that the peer sends
        self._decoded: dict[int, str] = {}  # by rate, the codec of what was decoded last
        self._usual: dict[int, Decoder | linear.Decoder | _Companded] = {}  # by rate, while nothing changes
        self._silent = 0  # frames of silence coded in a row
        self._silence = b""
        self._last = np.zeros(_FRAME, np.int16)
        self._run = QUANTA + 1

    def encode(self, sound: NDArray[np.int16]) -> bytes:
        """Code int16[320] into 160 octets."""
        if self._encoder is None:
            self._encoder = self._new_encoder()
        self._silent = 0
        return self._encoder.encode(sound)

    def _new_encoder(self) -> Encoder | linear.Encoder:
        if self.stretches is not None:
            return linear.Encoder(self.stretches)
        from media.codecs.g722 import Encoder

        return Encoder(RATE)

    def stretches_of(self, codec: str) -> linear.Stretches | None:
        """Return what this codec's octets stand for, None where they stand for themselves."""
        if codec in linear.RATES and codec not in self._linear:
            self._linear[codec] = linear.Stretches(linear.RATES[codec])
        return self._linear.get(codec)

    def hear(self, codec: str, *, alone: bool) -> None:
        """Decode what the peer sends from here on as this codec; `alone`: so far all was of the one before.

        The peer has begun with a new encoder or not: a new decoder finds its level either way.
        """
        self._usual.clear()
        if alone:
            self._decoded = {8000: self._heard, RATE: self._heard}
        if codec != self._heard:
            self._heard = codec
            self._decoders.pop((codec, 8000), None)
            self._decoders.pop((codec, RATE), None)

    def _decoder(self, codec: str, rate: int) -> Decoder | linear.Decoder | _Companded:
        decoder = self._decoders.get((codec, rate))
        if decoder is None:
            decoder = self._decoders[codec, rate] = self._new_decoder(codec, rate)
        return decoder

    def _new_decoder(self, codec: str, rate: int) -> Decoder | linear.Decoder | _Companded:
        stretches = self.stretches_of(codec)
        if stretches is not None:
            return linear.Decoder(stretches, rate)
        if codec in _TABLES:
            return _Companded(codec, rate)
        from media.codecs.g722 import Decoder

        return Decoder(rate)

    def _decode(self, octets: bytes, codec: str, rate: int, last: NDArray[np.int16]) -> NDArray[np.int16]:
        """Decode 10 ms; `last` are those before them."""
        usual = self._usual.get(rate)
        if usual is not None and not codec:
            return usual.decode(octets)
        codec = codec or self._heard
        decoder = self._decoder(codec, rate)
        sound = decoder.decode(octets)
        before = self._decoded.get(rate, codec)
        self._decoded[rate] = codec
        if codec == self._heard:
            self._usual[rate] = decoder
        else:
            self._usual.pop(rate, None)
        if before == codec or (rate == 8000 and {before, codec} <= _AT_ONCE):
            return sound
        return lead_over(last, sound)

    def silence(self) -> bytes:
        """Return 160 octets of silence."""
        if self._silent < _SETTLED:
            silent = self._silent + 1
            self._silence = self.encode(np.zeros(_FRAME, np.int16))
            self._silent = silent
        return self._silence

    @property
    def settled(self) -> bool:
        """The octets of silence do not change any more."""
        return self._silent >= _SETTLED

    def decode_narrow(self, octets: bytes, last: NDArray[np.int16], codec: str = "") -> NDArray[np.int16]:
        """Decode 80 octets, of `codec` or the newest, into int16[80] at 8 kHz that follow `last`, int16[80]."""
        return self._decode(octets, codec, 8000, last)

    def forget(self) -> None:
        """Take what was decoded last as too old to repeat."""
        self._run = QUANTA + 1

    @property
    def last_said(self) -> NDArray[np.int16]:
        """The last int16[320] that was decoded; silence if it is too old."""
        return self._last if self._run <= QUANTA else np.zeros(_FRAME, np.int16)

    def decode_wide(
        self, quanta: NDArray[np.uint8], present: NDArray[np.bool_], codecs: Sequence[str] = ()
    ) -> NDArray[np.int16]:
        """Decode uint8[n, 80], n from 1 to 3, into int16[320] at 16 kHz; `codecs` of each, all the newest if none.

        Quanta that are not there are concealed; one or three quanta are spliced to 20 ms.
        """
        half = _FRAME // 2
        before = self._last[half:].copy()
        parts: list[NDArray[np.int16]] = []
        for place, octets in enumerate(quanta):
            span = slice(place % 2 * half, (place % 2 + 1) * half)
            if present[place]:
                last = parts[-1] if parts else before
                codec = codecs[place] if codecs else ""
                self._last[span] = self._decode(octets.tobytes(), codec, RATE, last)
                parts.append(self._last[span].copy())
                self._run = 0
            else:
                self._run = min(self._run + 1, QUANTA + 1)
                gain = FADE**self._run if self._run <= QUANTA else 0.0
                parts.append((self._last[span] * gain).astype(np.int16))
        sound = np.concatenate(parts)
        if len(parts) == 1:
            return hold(before, sound)
        return drop(sound) if len(parts) == 3 else sound
