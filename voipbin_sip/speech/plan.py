"""From a text to what engines are asked for: one utterance after the other, and the silences between."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import structlog

from voipbin_sip.logs import concerned
from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.language import Tag, parse_tag
from voipbin_sip.speech.normalise import normalise, read_as
from voipbin_sip.speech.protocol import Span
from voipbin_sip.speech.sentences import CLAUSE, LONGEST, pieces
from voipbin_sip.speech.ssml import Document, End, Pause, Say, read

_log = structlog.get_logger(__name__)

MOST_TEXT = 20_000  # characters; some twenty minutes of speech


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words that are spoken in one go, usually a sentence, and the silence after them."""

    spans: tuple[Span, ...]  # empty: silence only
    pace: float
    pause: float  # s


def plan(text: str, tag: Tag) -> list[Utterance]:
    """Return a text, plain or SSML, as utterances. Raises SpeechError if it is wrong or there is nothing to say."""
    document = _read(text)
    for warning in document.warnings:
        _log.warning("SSML is not followed", detail=warning, **concerned())
    return _utterances(document, tag)


def check(text: str, language: str) -> tuple[str, ...]:
    """Return what of a text's SSML will not be followed, for checks before any call.

    Raises SpeechError for what `Speech.speak` would raise whatever the engines, ValueError for a bad language.
    """
    document = _read(text)
    _utterances(document, parse_tag(language))
    return document.warnings


def _read(text: str) -> Document:
    if len(text) > MOST_TEXT:
        raise SpeechError(f"the text has {len(text)} characters", f"say at most {MOST_TEXT} in one step")
    return read(text)


def _utterances(document: Document, tag: Tag) -> list[Utterance]:
    builder = _Builder(tag)
    for item in document.items:
        match item:
            case Say():
                builder.say(item)
            case Pause(seconds):
                builder.pause(seconds)
            case End(seconds):
                builder.end(seconds)
    found = builder.finish()
    if not found:
        raise SpeechError("there is nothing to say", "give a text with words in it")
    return found


class _Builder:
    """Collects spans until a sentence ends, the pace changes or there is a break."""

    def __init__(self, tag: Tag) -> None:
        self._tag = tag
        self._spans: list[Span] = []
        self._pace = 1.0
        self._done: list[Utterance] = []
        self._natural = 0.0  # s, the silence that is due by itself before the next utterance
        self._breaks: float | None = None  # s, what the text asks for instead

    def say(self, item: Say) -> None:
        """Add words."""
        if item.pace != self._pace:
            self.end(CLAUSE)
            self._pace = item.pace
        if item.ipa:
            self._spans.append(Span(item.text, item.ipa))
            return
        if item.reading:
            text = read_as(item.text, item.reading, item.format, self._tag)
        else:
            text = normalise(item.text, self._tag)
        for piece, silence in pieces(text):
            self._spans.append(Span(piece))
            if silence is not None:
                self.end(silence)
        if sum(len(span.text) for span in self._spans) > LONGEST:
            self.end(CLAUSE)

    def pause(self, seconds: float) -> None:
        """End the utterance with a silence of exactly this length; several add up."""
        self._flush()
        self._breaks = (self._breaks or 0.0) + seconds

    def end(self, seconds: float) -> None:
        """End the utterance with at least this silence, if another one follows."""
        self._flush()
        self._natural = max(self._natural, seconds)

    def finish(self) -> list[Utterance]:
        """Return all utterances; a break at the very end is kept."""
        self._flush()
        self._natural = 0.0
        self._settle()
        return self._done

    def _flush(self) -> None:
        spans, self._spans = _merge(self._spans), []
        if any(mark.isalnum() for span in spans for mark in span.text + span.ipa):
            self._settle()
            self._done.append(Utterance(spans, self._pace, 0.0))

    def _settle(self) -> None:
        """Give the silence that is due to the utterance before it."""
        leading = self._breaks or 0.0
        seconds = self._natural if self._breaks is None else self._breaks
        self._natural, self._breaks = 0.0, None
        if self._done:
            self._done[-1] = replace(self._done[-1], pause=seconds)
        elif leading:
            self._done.append(Utterance((), 1.0, leading))


def _merge(spans: list[Span]) -> tuple[Span, ...]:
    """Return spans with neighbours of plain text joined, single blanks between words and none around them."""
    merged: list[Span] = []
    for span in spans:
        if merged and not span.ipa and not merged[-1].ipa:
            merged[-1] = Span(re.sub(r"\s+", " ", merged[-1].text + span.text))
        else:
            merged.append(span)
    if merged:
        merged[0] = Span(merged[0].text.lstrip(), merged[0].ipa)
        merged[-1] = Span(merged[-1].text.rstrip(), merged[-1].ipa)
    return tuple(span for span in merged if span.text)
