"""Plays clips and spoken texts to a leg, and tells how that ended.

A spoken text is queued sentence by sentence while later ones are still being synthesised; its clips are kept, so
that a menu that a thousand callers hear is spoken once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from media.client import Clip, MediaClient, MediaLeg, Playout
from voipbin_sip.speech import Speech

MAX_TEXTS = 1000  # spoken texts kept as clips
ANY_DIGIT = "0123456789*#ABCD"

_Text = tuple[str, str, str, str, int]


class Prompts:
    """Speaks and plays."""

    def __init__(self, media: MediaClient, speech: Speech) -> None:
        self._media = media
        self._speech = speech
        self._spoken: OrderedDict[_Text, tuple[Clip, ...]] = OrderedDict()

    async def play(self, leg: MediaLeg, clips: Sequence[Clip], *, stop_digits: str = "") -> bool:
        """Play clips one after the other; returns whether a digit cut them. Cancelling stops the sound."""
        return await self._finish([leg.play(clips, stop_digits=stop_digits)])

    async def say(
        self,
        leg: MediaLeg,
        text: str,
        rate: int,
        *,
        language: str,
        provider: str = "",
        voice_id: str = "",
        stop_digits: str = "",
    ) -> bool:
        """Speak a text; returns whether a digit cut it.

        Raises:
            voipbin_sip.speech.SpeechError: it cannot be spoken.
        """
        key = (text, language, provider, voice_id, rate)
        known = self._spoken.get(key)
        if known is not None:
            self._spoken.move_to_end(key)
            return await self.play(leg, known, stop_digits=stop_digits)
        clips: list[Clip] = []
        playouts: list[Playout] = []
        try:
            async for sound in self._speech.speak(
                text, language=language, provider=provider, voice_id=voice_id, rate=rate
            ):
                clips.append(self._media.add_clip(sound, rate))
                if not any(playout.done.done() and _cut(playout) for playout in playouts):
                    playouts.append(leg.play([clips[-1]], stop_digits=stop_digits))
        except BaseException:
            for playout in playouts:
                playout.stop()
            raise
        self._keep(key, tuple(clips))
        return await self._finish(playouts)

    def _keep(self, key: _Text, clips: tuple[Clip, ...]) -> None:
        self._spoken[key] = clips
        while len(self._spoken) > MAX_TEXTS:
            for clip in self._spoken.popitem(last=False)[1]:
                clip.release()

    async def clips(
        self, text: str, rate: int, *, language: str, provider: str = "", voice_id: str = ""
    ) -> tuple[Clip, ...]:
        """Return a spoken text as clips, to be played at once. Raises SpeechError, BankFull."""
        key = (text, language, provider, voice_id, rate)
        known = self._spoken.get(key)
        if known is not None:
            self._spoken.move_to_end(key)
            return known
        sounds = self._speech.speak(text, language=language, provider=provider, voice_id=voice_id, rate=rate)
        clips = tuple([self._media.add_clip(sound, rate) async for sound in sounds])
        self._keep(key, clips)
        return clips

    async def _finish(self, playouts: Sequence[Playout]) -> bool:
        try:
            for playout in playouts:
                if (await asyncio.shield(playout.done)).reason == "digit":
                    return True
            return False
        finally:
            for playout in playouts:
                if not playout.done.done():
                    playout.stop()


def _cut(playout: Playout) -> bool:
    return playout.done.result().reason == "digit"
