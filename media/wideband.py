"""The 16 kHz side of a leg, G.722 or L16: codec objects, made when they are needed (RFC 3551 4.5.2, 4.5.11).

Sound towards the peer is coded at 16 kHz. For digit detection the lower sub-band alone is decoded, at 8 kHz and
half the cost; only an echo needs the full sound. Silence is coded until the encoder has settled and then repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from media.codecs import linear
from media.conceal import FADE, QUANTA, drop, hold

if TYPE_CHECKING:
    from media.codecs.g722 import Decoder, Encoder

RATE = 16000
_FRAME = 320
_SETTLED = 10  # frames of silence after which their octets do not change to the ear


class Wideband:
    """Codec state of one leg. `stretches` are what an L16 leg's octets stand for."""

    def __init__(self, codec: str = "G722") -> None:
        rate = linear.RATES.get(codec, 0)
        self.stretches = linear.Stretches(rate) if rate else None
        self._encoder: Encoder | linear.Encoder | None = None
        self._narrow: Decoder | linear.Decoder | None = None
        self._wide: Decoder | linear.Decoder | None = None
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

    def _new_decoder(self, rate: int) -> Decoder | linear.Decoder:
        if self.stretches is not None:
            return linear.Decoder(self.stretches, rate)
        from media.codecs.g722 import Decoder

        return Decoder(rate)

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

    def decode_narrow(self, octets: bytes) -> NDArray[np.int16]:
        """Decode n octets into int16[n] at 8 kHz."""
        if self._narrow is None:
            self._narrow = self._new_decoder(8000)
        return self._narrow.decode(octets)

    def forget(self) -> None:
        """Take what was decoded last as too old to repeat."""
        self._run = QUANTA + 1

    @property
    def last_said(self) -> NDArray[np.int16]:
        """The last int16[320] that was decoded; silence if it is too old."""
        return self._last if self._run <= QUANTA else np.zeros(_FRAME, np.int16)

    def decode_wide(self, quanta: NDArray[np.uint8], present: NDArray[np.bool_]) -> NDArray[np.int16]:
        """Decode uint8[n, 80], n from 1 to 3, into int16[320] at 16 kHz.

        Quanta that are not there are concealed; one or three quanta are spliced to 20 ms.
        """
        if self._wide is None:
            self._wide = self._new_decoder(RATE)
        half = _FRAME // 2
        before = self._last[half:].copy()
        parts: list[NDArray[np.int16]] = []
        for place, octets in enumerate(quanta):
            span = slice(place % 2 * half, (place % 2 + 1) * half)
            if present[place]:
                self._last[span] = self._wide.decode(octets.tobytes())
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
