"""What a call hears instead of everything else for a while: music on hold, or silence. Ordered from outside."""

from __future__ import annotations

from enum import StrEnum

from media.client import Playout
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.tones import Tone


class Wish(StrEnum):
    """Why a call does not hear what it would; several may hold at a time."""

    HOLD = "hold"  # its phone was told that it is on hold: music
    MUSIC = "moh"
    TRANSFER = "transfer"  # others talk about it: music
    SILENCE = "silence"  # goes before the music


class Background:
    """All calls of which something was wished. What plays to them otherwise waits, and goes on afterwards."""

    def __init__(self, music: Tone, silence: Tone) -> None:
        self._music = music
        self._silence = silence
        self._wishes: dict[CallSession, set[Wish]] = {}
        self._playing: dict[CallSession, tuple[Tone, Playout]] = {}

    def wish(self, session: CallSession, wish: Wish, *, on: bool) -> None:
        """Begin or end what was wished for a call with sound; a second time changes nothing."""
        wishes = self._wishes.setdefault(session, set())
        (wishes.add if on else wishes.discard)(wish)
        self._play(session, self._wanted(wishes))
        if not wishes:
            del self._wishes[session]

    def wishes(self, session: CallSession) -> frozenset[Wish]:
        """Return what holds for a call."""
        return frozenset(self._wishes.get(session, ()))

    def forget(self, session: CallSession) -> None:
        """Let go of a call that is over."""
        self._wishes.pop(session, None)
        self._playing.pop(session, None)

    def _wanted(self, wishes: set[Wish]) -> Tone | None:
        if Wish.SILENCE in wishes:
            return self._silence
        return self._music if wishes else None

    def _play(self, session: CallSession, tone: Tone | None) -> None:
        playing = self._playing.get(session)
        if playing is not None and playing[0] is not tone:
            playing[1].stop()
            del self._playing[session]
        if tone is not None and session not in self._playing:
            playout = tone.play(session, urgent=True)
            if playout is not None:
                self._playing[session] = tone, playout
