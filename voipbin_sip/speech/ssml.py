"""Reading SSML (W3C Speech Synthesis Markup Language 1.1), the subset that every engine here can follow.

speak, p, s, break, prosody (rate), say-as, phoneme (IPA) and sub are obeyed; other elements are spoken as if
they were not there, with a warning. A document type is refused, and with it all entities but XML's own five.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias
from xml.parsers import expat

from voipbin_sip.speech.errors import SpeechError
from voipbin_sip.speech.sentences import PARAGRAPH, SENTENCE
from voipbin_sip.speech.ssml_values import break_seconds, prosody_pace

DEEPEST = 32  # elements inside each other
MOST_SILENCE = 60.0  # s of breaks in one document


READINGS = {
    "digits": "digits",
    "characters": "characters",
    "character": "characters",
    "spell-out": "characters",
    "verbatim": "characters",
    "telephone": "telephone",
    "time": "time",
    "date": "date",
    "cardinal": "cardinal",
    "number": "cardinal",
    "ordinal": "ordinal",
}
_PLAIN = frozenset({"emphasis", "w", "token", "lang", "voice", "audio", "mark"})
_SILENT = frozenset({"metadata", "meta", "lexicon", "lookup", "desc", "title"})
_FRAGMENT = re.compile(r"</?(?:p|s|break|prosody|say-as|phoneme|sub|emphasis)(?:\s[^<>]*)?/?>")
_BARE_AND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)")


@dataclass(frozen=True, slots=True)
class Say:
    """Words, how fast, and how to read or pronounce them if that was said."""

    text: str
    pace: float = 1.0
    reading: str = ""  # a value of READINGS
    format: str = ""  # of a date or time
    ipa: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A break; takes the place of whatever silence would have been there."""

    seconds: float


@dataclass(frozen=True, slots=True)
class End:
    """The end of a sentence or paragraph, whatever its punctuation; `seconds` until the next."""

    seconds: float


Item: TypeAlias = Say | Pause | End


@dataclass(frozen=True, slots=True)
class Document:
    """What is to be said, and what of the markup was not understood."""

    items: tuple[Item, ...]
    warnings: tuple[str, ...] = ()


class _NotXml(SpeechError):  # noqa: N818 - reads as what the text is
    """The text is not well-formed, so it may not have been meant as SSML."""


def read(text: str) -> Document:
    """Return a text as items. Raises SpeechError, with line and column, if SSML is wrong.

    A text that starts with `<speak` is SSML. One that has elements of it somewhere is, too, if it is
    well-formed; anything else is plain text, whatever `<` and `&` it holds.
    """
    if re.match(r"\s*<(\?xml|!DOCTYPE|speak)\b", text):
        return _Reader().read(text.strip())
    if _FRAGMENT.search(text):
        try:
            return _Reader().read(f"<speak>{_BARE_AND.sub('&amp;', text)}</speak>", shift=len("<speak>"))
        except _NotXml:
            pass
    items: list[Item] = []
    for paragraph in re.split(r"\n[ \t]*\n\s*", text):
        items += (Say(paragraph), End(PARAGRAPH))
    return Document(tuple(items))


@dataclass(slots=True)
class _Frame:
    """What an open element makes of the text in it."""

    name: str
    pace: float = 1.0
    reading: str = ""
    format: str = ""
    ipa: str = ""
    silent: bool = False


class _Reader:
    """One pass over one document."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._open: list[_Frame] = []
        self._items: list[Item] = []
        self._warnings: list[str] = []
        self._silence = 0.0
        self._shift = 0

    def read(self, text: str, shift: int = 0) -> Document:
        """Return the document; `shift` columns at its beginning were not written by its author."""
        self._shift = shift
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            place = self._place(error.lineno, error.offset)
            raise _NotXml(
                f"the SSML is wrong at {place}: {expat.ErrorString(error.code)}",
                "correct it, or write & as &amp; and < as &lt;",
            ) from error
        return Document(tuple(self._items), tuple(self._warnings))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            self._wrong(f"more than {DEEPEST} elements inside each other", "write it flatter")
        if not self._open and name != "speak":
            self._wrong(f"it starts with <{name}>", "start it with <speak>")
        above = self._open[-1] if self._open else _Frame("")
        frame = _Frame(name, above.pace, above.reading, above.format, above.ipa, above.silent)
        self._open.append(frame)
        if frame.silent:
            return
        match name:
            case "speak":
                pass
            case "p" | "s":
                self._items.append(End(PARAGRAPH if name == "p" else SENTENCE))
            case "break":
                self._break(attributes)
            case "prosody":
                self._prosody(frame, attributes)
            case "say-as":
                self._say_as(frame, attributes)
            case "phoneme":
                self._phoneme(frame, attributes)
            case "sub":
                self._text(self._need(name, attributes, "alias"))
                frame.silent = True
            case _ if name in _SILENT:
                frame.silent = True
            case _ if name not in _PLAIN or name in ("audio", "voice", "lang"):
                self._warn(f"<{name}> is not supported; its text is spoken")
            case _:
                pass

    def _end(self, name: str) -> None:
        frame = self._open.pop()
        if name in ("p", "s") and not frame.silent:
            self._items.append(End(PARAGRAPH if name == "p" else SENTENCE))

    def _text(self, text: str) -> None:
        frame = self._open[-1]
        if not frame.silent:
            self._items.append(Say(text, frame.pace, frame.reading, frame.format, frame.ipa))

    def _break(self, attributes: dict[str, str]) -> None:
        try:
            seconds = break_seconds(attributes.get("time"), attributes.get("strength"))
        except ValueError as error:
            self._wrong(str(error), 'write for example <break time="500ms"/> or <break strength="strong"/>')
        self._silence += seconds
        if self._silence > MOST_SILENCE:
            self._wrong(f"the breaks are longer than {MOST_SILENCE:g} s together", "shorten them")
        self._items.append(Pause(seconds))

    def _prosody(self, frame: _Frame, attributes: dict[str, str]) -> None:
        for name in attributes.keys() - {"rate"}:
            self._warn(f"<prosody {name}> is not supported")
        try:
            frame.pace = prosody_pace(attributes.get("rate", "medium"), frame.pace)
        except ValueError as error:
            self._wrong(str(error), 'write for example <prosody rate="80%"> or <prosody rate="slow">')

    def _say_as(self, frame: _Frame, attributes: dict[str, str]) -> None:
        kind = self._need("say-as", attributes, "interpret-as").strip().lower()
        frame.reading = READINGS.get(kind, "")
        frame.format = attributes.get("format", "").strip().lower()
        if not frame.reading:
            self._warn(f"interpret-as={kind!r} is not supported; the text is spoken as it is")

    def _phoneme(self, frame: _Frame, attributes: dict[str, str]) -> None:
        sounds = self._need("phoneme", attributes, "ph").strip()
        alphabet = attributes.get("alphabet", "ipa").strip().lower()
        if alphabet == "ipa":
            frame.ipa = sounds
        else:
            self._warn(f"the phoneme alphabet {alphabet!r} is not supported; the text is spoken")

    def _need(self, element: str, attributes: dict[str, str], name: str) -> str:
        if name not in attributes:
            self._wrong(f"<{element}> has no {name}", f'write <{element} {name}="...">')
        return attributes[name]

    def _doctype(self, *_: object) -> None:
        self._wrong("it has a document type", "leave <!DOCTYPE> out")

    def _warn(self, what: str) -> None:
        place = self._place(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber)
        self._warnings.append(f"{place}: {what}")

    def _wrong(self, what: str, remedy: str) -> NoReturn:
        place = self._place(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber)
        raise SpeechError(f"the SSML is wrong at {place}: {what}", remedy)

    def _place(self, line: int, column: int) -> str:
        return f"line {line}, column {column + 1 - (self._shift if line == 1 else 0)}"
