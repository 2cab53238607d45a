"""Sounds for the caller: `talk`, `play`, `beep`."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from flows.actions.base import DONE, ActionType, Context, Failure, Media, Outcome
from flows.ports import Played, StepFailed

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def _language(tag: str) -> str:
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError("is not a language tag such as en-US or de")
    return tag


def _source(text: str) -> str:
    url = _URL.match(text)
    if url is not None and url.group(1).lower() not in ("http", "https"):
        raise ValueError(f"'{url.group(1)}' addresses cannot be played, only http, https and files")
    if not text.strip():
        raise ValueError("is empty")
    return text


def is_url(source: str) -> bool:
    """Tell whether a sound source is an address rather than a file."""
    return _URL.match(source) is not None


class Talk(ActionType):
    """Speak a text to the caller; answers the call first."""

    type: ClassVar[str] = "talk"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    text: str = Field(min_length=1, description="Plain text or SSML")
    language: Annotated[str, AfterValidator(_language)] = Field(
        default="en-US", description="Language tag (BCP 47)"
    )
    provider: str = Field(default="", description="Speech engine; empty: the best one for the language")
    voice_id: str = Field(default="", description="Voice of the engine; empty: its default")
    digits_handle: Literal["", "next"] = Field(
        default="", description="next: any digit cuts the speech and the flow goes on"
    )
    in_background: bool = Field(
        default=False, alias="async", description="Go on with the next step while the speech plays"
    )

    async def execute(self, run: Context) -> Outcome:
        """Speak, unless digits typed ahead make the text superfluous."""
        if run.call.status() != "progressing":
            await run.call.answer()
        if self.digits_handle == "next" and run.digits.waiting:
            run.digits.show_first()
            return Outcome("not spoken, digits were typed ahead")
        if self.in_background:
            run.in_background(self._speak(run))
            return Outcome("goes on in the background")
        return Outcome("cut by a digit") if await self._speak(run) is Played.DIGIT else DONE

    async def _speak(self, run: Context) -> Played:
        stops = self.digits_handle == "next"
        speech = run.call.say(
            self.text,
            language=self.language,
            provider=self.provider,
            voice_id=self.voice_id,
            stop_on_digit=stops,
        )
        return await (run.digits.cut(speech) if stops else speech)


class Play(ActionType):
    """Play sound files or addresses one after the other; does not answer the call."""

    type: ClassVar[str] = "play"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    stream_urls: tuple[Annotated[str, AfterValidator(_source)], ...] = Field(
        min_length=1, description="http(s) addresses or files, played in order"
    )
    digits_handle: Literal["", "next"] = Field(
        default="", description="next: any digit cuts the sound and the flow goes on"
    )

    async def execute(self, run: Context) -> Outcome:
        """Play all sources; digits stop them where the option says so, those that were typed ahead too."""
        if run.action.body is None:
            for source in self.stream_urls:
                _refuse_wandering(source)
        stops = self.digits_handle == "next"
        if stops and run.digits.waiting:
            run.digits.show_first()
            return Outcome("not played, digits were typed ahead")
        sound = run.call.play(self.stream_urls, trusted=run.flow.trusted, stop_on_digit=stops)
        came = await (run.digits.cut(sound) if stops else sound)
        return Outcome("cut by a digit") if came is Played.DIGIT else DONE


def _refuse_wandering(source: str) -> None:
    """Refuse a file name made of variables that leaves the folder of sounds: callers may have a say in it."""
    path = PurePosixPath(source.replace("\\", "/"))
    if not is_url(source) and (path.is_absolute() or ".." in path.parts):
        raise StepFailed("a file name made of variables must stay inside the folder of sounds")


class Beep(ActionType):
    """Play the beep once."""

    type: ClassVar[str] = "beep"
    media: ClassVar[Media] = Media.CALL
    failure: ClassVar[Failure] = Failure.SKIP
    waits: ClassVar[bool] = True

    async def execute(self, run: Context) -> Outcome:
        """Beep."""
        await run.call.beep()
        return DONE
