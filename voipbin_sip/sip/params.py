"""Pieces of grammar that many headers share: parameters, quoted strings, comma lists (RFC 3261 section 25.1).

Every pattern is possessive and only ever matched at a known position: no input costs more than linear time.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError

Params: TypeAlias = tuple[tuple[str, str | None], ...]

TOKEN = r"[-\w.!%*+`'~]++"
_TOKEN = re.compile(TOKEN, re.ASCII)
_PARAM = re.compile(
    r"\s*+;\s*+(" + TOKEN + r")(?:\s*+=\s*+("
    r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[\x20-\x7e])*+"'
    r"|[!#-+\--:=?-~]*+"  # generous: all printable ASCII but the delimiters " , ; < >
    r"))?",
    re.ASCII,
)
_PIECE = re.compile(r'[^,"<]++|"(?:[^"\\]++|\\.)*+"|<[^>]*+>')  # one by one: Python 3.11.2 errs in nested *+
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNWRITABLE = re.compile(r"[\r\n\0\ud800-\udc7f\udd00-\udfff]")  # nor what surrogateescape cannot encode


def is_token(text: str) -> bool:
    """Return whether the text is a token, as method and header names must be."""
    return _TOKEN.fullmatch(text) is not None


def parse_params(text: str) -> Params:
    """Parse `;name=value;name` as they follow a header's value; values keep their quotes.

    Raises RemoteProtocolError.
    """
    found: list[tuple[str, str | None]] = []
    end = 0
    size = len(text)
    while end < size:
        match = _PARAM.match(text, end)
        if match is None:
            if text[end:].isspace():
                break
            raise RemoteProtocolError(400, "Bad Header Parameter")
        found.append((match[1], match[2]))
        end = match.end()
    return tuple(found)


def format_params(params: Params) -> str:
    """Write parameters as they stand, each with its leading semicolon."""
    if not params:
        return ""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params)


def find_param(params: Params, name: str) -> str | None:
    """Return a parameter's value without quotes, "" for one without value, None if there is none."""
    for key, value in params:
        if key == name or key.lower() == name:
            if value is None:
                return ""
            return unquote(value) if value[:1] == '"' else value
    return None


def with_param(params: Params, name: str, value: str | None) -> Params:
    """Return the parameters with one replaced in its place, or appended."""
    changed = [(name, value) if key.lower() == name else (key, old) for key, old in params]
    if not any(key.lower() == name for key, _ in params):
        changed.append((name, value))
    return tuple(changed)


def split_commas(value: str) -> list[str]:
    """Split a header's value at its commas, but not within quotes or angle brackets.

    Empty items are kept, blanks around items are not. Raises RemoteProtocolError for unbalanced quotes.
    """
    if "," not in value:
        return [value]
    items: list[str] = []
    start = 0
    size = len(value)
    while True:
        end = start
        while piece := _PIECE.match(value, end):
            end = piece.end()
        items.append(value[start:end].strip())
        if end == size:
            return items
        if value[end] != ",":
            raise RemoteProtocolError(400, "Unbalanced Quotes")
        start = end + 1


def quote(text: str) -> str:
    """Write a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """Return what a quoted string says; other text is returned as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


def refuse_unwritable(text: str) -> str:
    """Return the text, or raise LocalProtocolError if it holds what would end or cut a header line."""
    if _UNWRITABLE.search(text):
        raise LocalProtocolError(f"CR, LF or NUL in {text[:60]!r}")
    return text
