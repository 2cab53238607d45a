"""From, To, Contact, Route and the like: URI, display name, parameters (RFC 3261 section 20.10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.params import (
    Params,
    find_param,
    format_params,
    parse_params,
    quote,
    split_commas,
    unquote,
)
from voipbin_sip.sip.uri import Uri, parse_uri

_NAME_ADDR = re.compile(r'\s*+("(?:[^"\\]++|\\.)*+"|[^<"]*+)\s*+<([^<>]*+)>\s*+(;.*+)?+', re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A display name ("" for none), a URI, and the header's parameters."""

    display: str
    uri: Uri
    params: Params = ()

    @property
    def tag(self) -> str | None:
        """The tag of a From or To, None if there is none."""
        return find_param(self.params, "tag") or None

    def param(self, name: str) -> str | None:
        """Return a header parameter's value, "" for one without value, None if there is none."""
        return find_param(self.params, name.lower())

    def __str__(self) -> str:
        display = quote(self.display) + " " if self.display else ""
        return f"{display}<{self.uri}>{format_params(self.params)}"


def parse_name_addr(text: str) -> NameAddr:
    """Parse one value; raises RemoteProtocolError.

    Tolerated because phones do it: an unquoted display name that is not made of tokens (`Bell, A. <sip:…>`),
    blanks within the angle brackets. Refused: a bare URI with `?` (section 20: it must stand in brackets).
    """
    match = _NAME_ADDR.fullmatch(text)
    if match is not None:
        display, uri, params = match.groups()
        return NameAddr(
            _readable(display) if display else "",
            parse_uri(uri.strip()),
            parse_params(params) if params else (),
        )
    uri, semicolon, rest = text.partition(";")
    if "?" in uri:
        raise RemoteProtocolError(400, "URI With Headers Not In Brackets")
    return NameAddr("", parse_uri(uri.strip()), parse_params(semicolon + rest) if semicolon else ())


def parse_name_addr_list(lines: Iterable[str]) -> tuple[NameAddr, ...]:
    """Parse a header that may have several lines with several values each; raises RemoteProtocolError."""
    return tuple(parse_name_addr(item) for line in lines for item in split_commas(line))


def _readable(display: str) -> str:
    """Return a display name as people may see it: unquoted, no control characters, no broken UTF-8."""
    text = unquote(display.strip())
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROLS.sub("", text)
