"""Sounds of ours that a call hears over and over while it waits: ringback, hold music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from media.client import BankFull, Clip, MediaClient, Playout
from voipbin_sip.calls.session import CallSession


def quiet(rate: int) -> NDArray[np.int16]:
    """Return a second of silence, int16[rate]."""
    return np.zeros(rate, np.int16)


class Tone:
    """One such sound. `make` returns it as int16[n] for a rate in Hz; it is made when it is first wanted."""

    def __init__(self, media: MediaClient, make: Callable[[int], NDArray[np.int16]]) -> None:
        self._media = media
        self._make = make
        self._clips: dict[int, Clip] = {}

    def play(self, session: CallSession, *, urgent: bool = False) -> Playout | None:
        """Play it to a call until the playout is stopped; None for a call without sound.

        `urgent`: before what plays already, which goes on afterwards.
        """
        sound = session.sound
        if sound is None:
            return None
        try:
            return sound.leg.play([self._clip(sound.rate)], loop=True, urgent=urgent)
        except BankFull as error:
            session.log.warning("tone not played", why=str(error))
            return None

    def _clip(self, rate: int) -> Clip:
        if rate not in self._clips:
            self._clips[rate] = self._media.add_clip(self._make(rate), rate)
        return self._clips[rate]
