"""Music for whoever waits while the other side of a bridge holds the call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from media.client import Clip, MediaClient, Playout
from media.tones import hold_music
from voipbin_sip.calls.session import CallSession, nobody_waits


class HoldMusic:
    """Plays to one side of a bridge while the other one holds."""

    def __init__(self, media: MediaClient) -> None:
        self._media = media
        self._clips: dict[int, Clip] = {}

    @contextmanager
    def between(self, one: CallSession, other: CallSession) -> Iterator[None]:
        """Play to each side while the other one holds, until the end of the block."""
        watches = [_Watch(self, one, other), _Watch(self, other, one)]
        try:
            yield
        finally:
            for watch in watches:
                watch.end()

    def clip(self, rate: int) -> Clip:
        """Return the music."""
        if rate not in self._clips:
            self._clips[rate] = self._media.add_clip(hold_music(rate), rate)
        return self._clips[rate]


class _Watch:
    """One direction of a bridge."""

    def __init__(self, music: HoldMusic, holding: CallSession, waiting: CallSession) -> None:
        self._music = music
        self._holding = holding
        self._waiting = waiting
        self._playout: Playout | None = None
        holding.held = self._changed

    def end(self) -> None:
        """Stop the music and watch no longer."""
        self._holding.held = nobody_waits
        self._changed(False)

    def _changed(self, held: bool) -> None:
        if self._playout is not None:
            self._playout.stop()
            self._playout = None
        sound = self._waiting.sound
        if held and sound is not None:
            self._playout = sound.leg.play([self._music.clip(sound.rate)], loop=True)
