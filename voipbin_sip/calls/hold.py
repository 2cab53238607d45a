"""Music for whoever waits while the other side of a bridge holds the call."""

from __future__ import annotations

from media.client import Playout
from voipbin_sip.calls.session import CallSession, nobody_waits
from voipbin_sip.calls.tones import Tone


class HoldWatch:
    """One direction of a bridge: plays to `waiting` while `holding` holds, until `end`."""

    def __init__(self, music: Tone, holding: CallSession, waiting: CallSession) -> None:
        self._music = music
        self._holding = holding
        self._waiting = waiting
        self._playout: Playout | None = None
        holding.held = self._changed
        self._changed(holding.holds)

    def end(self) -> None:
        """Stop the music and watch no longer."""
        self._holding.held = nobody_waits
        self._changed(False)

    def _changed(self, held: bool) -> None:
        if self._playout is not None:
            self._playout.stop()
            self._playout = None
        if held:
            self._playout = self._music.play(self._waiting)
