"""What the API does with a call that goes on. None of it moves the cursor of the call's flow."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal
from uuid import UUID

from media.client import BankFull
from voipbin_sip.calls.background import Background, Wish
from voipbin_sip.calls.call import Call
from voipbin_sip.calls.live import LiveCalls
from voipbin_sip.calls.session import CallSession
from voipbin_sip.calls.states import Status
from voipbin_sip.platform.call_records import CallRecords
from voipbin_sip.platform.refused import Unspeakable, WrongState
from voipbin_sip.resources.catalogue import NotFound
from voipbin_sip.resources.history import History
from voipbin_sip.resources.kinds.call import CallResource
from voipbin_sip.sounds.prompts import Prompts
from voipbin_sip.speech import SpeechError

Side = Literal["in", "out", "both"]
_SIDES = {
    "": frozenset[str](),
    "in": frozenset({"in"}),
    "out": frozenset({"out"}),
    "both": frozenset({"in", "out"}),
}
_WORDS = {sides: word for word, sides in _SIDES.items()}
READY_SECONDS = 2.0  # that the ACK of a phone without an offer may take
LEAVING = frozenset({Status.TERMINATING, Status.CANCELING})


def muted(now: str, side: str, *, on: bool) -> str:
    """Return what is muted after one side, "in", "out" or "both" (also ""), was muted or not any more."""
    named = _SIDES[side or "both"]
    return _WORDS[_SIDES[now] | named if on else _SIDES[now] - named]


class CallControl:
    """Calls, looked up and steered. All of it raises NotFound, WrongState and StoreUnavailable."""

    def __init__(
        self,
        history: History,
        live: LiveCalls,
        records: CallRecords,
        background: Background,
        prompts: Prompts,
    ) -> None:
        self._history = history
        self._live = live
        self._records = records
        self._background = background
        self._prompts = prompts
        self._talking: set[asyncio.Task[None]] = set()
        self._wished: dict[UUID, CallSession] = {}
        records.ended.append(self._over)

    async def get(self, id_: UUID) -> CallResource:
        """Return a call as it is now, or as it was last."""
        return self._records.get(id_) or await self._history.get(CallResource, id_)

    async def session(self, id_: UUID, *, answered: bool = False) -> CallSession:
        """Return a call that goes on, and is answered where that is wanted."""
        session = self._live.get(id_)
        if session is None:
            record = await self._history.get(CallResource, id_)
            raise WrongState(f"the call is over ({record.hangup_reason or record.status})")
        if session.call.status in LEAVING:
            raise WrongState("the call is being hung up")
        if answered and session.call.status is not Status.PROGRESSING:
            raise WrongState(f"the call is not answered yet, it is {session.call.status}")
        return session

    async def hang_up(self, id_: UUID) -> CallResource:
        """End a call."""
        (await self.session(id_)).hang_up("normal")
        return await self.get(id_)

    async def delete(self, id_: UUID) -> CallResource:
        """End a call if it goes on, and mark its record as deleted."""
        record = await self.get(id_)
        if record.tm_delete is not None:
            raise NotFound("call", id_)
        session = self._live.get(id_)
        if session is not None:
            session.hang_up("normal")
            with suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await session.finished.wait()
        self._records.forget(id_)
        return self._history.delete(await self.get(id_), "call_deleted")

    async def hold(self, id_: UUID, *, on: bool) -> CallResource:
        """Put a phone on hold, where it hears music, or take it back."""
        session = await self.session(id_, answered=True)
        if not session.hold(on):
            raise WrongState("the phone has not answered the last change yet")
        return await self._wish(session, Wish.HOLD, on)

    async def music(self, id_: UUID, *, on: bool) -> CallResource:
        """Play music to a call instead of what it would hear; it is still heard itself."""
        return await self._wish(await self.session(id_, answered=True), Wish.MUSIC, on)

    async def silence(self, id_: UUID, *, on: bool) -> CallResource:
        """Let a call hear nothing."""
        return await self._wish(await self.session(id_, answered=True), Wish.SILENCE, on)

    async def mute(self, id_: UUID, side: Side | Literal[""], *, on: bool) -> CallResource:
        """Leave out what a call says ("in"), what it would hear of others ("out") or both, or not any more."""
        session = await self.session(id_, answered=True)
        session.mute(muted(session.call.mute_direction, side, on=on))
        return await self.get(id_)

    async def talk(
        self, id_: UUID, text: str, *, language: str, provider: str, voice_id: str
    ) -> CallResource:
        """Speak to a call beside its flow; answers one that came in. Raises Unspeakable besides."""
        session = await self.session(id_)
        session.answer()
        if session.call.status is not Status.PROGRESSING:
            raise WrongState(f"the call is not answered yet, it is {session.call.status}")
        try:
            async with asyncio.timeout(READY_SECONDS):
                sound = await session.media_ready()
        except TimeoutError:
            raise WrongState("the phone has not said yet where its sound goes") from None
        try:
            clips = await self._prompts.clips(
                text, sound.rate, language=language, provider=provider, voice_id=voice_id
            )
            session = await self.session(id_, answered=True)  # it may have ended meanwhile
            if session.sound is not None:
                session.sound.leg.play(clips, urgent=True)
        except (SpeechError, BankFull, ValueError) as error:
            raise Unspeakable(str(error)) from error
        return await self.get(id_)

    async def _wish(self, session: CallSession, wish: Wish, on: bool) -> CallResource:
        self._wished[session.call.id] = session
        self._background.wish(session, wish, on=on)
        return await self.get(session.call.id)

    def _over(self, call: Call, record: CallResource) -> None:
        if (session := self._wished.pop(call.id, None)) is not None:
            self._background.forget(session)
