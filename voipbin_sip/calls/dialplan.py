"""What an address means that somebody dials: a flow, a call to somebody, or a conference.

Asked for every call of those who may dial freely (phones and trunks), and for the targets of transfers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from voipbin_sip.calls.call import Address
from voipbin_sip.calls.numbering import dialled_number, home_region, international, own_number
from voipbin_sip.directory import Directory, NumberEntry
from voipbin_sip.domain import is_conference_host, serves
from voipbin_sip.sip.errors import SipError
from voipbin_sip.sip.uri import Uri, parse_uri

_CALLABLE = re.compile(r"[^\s@<>\"{}]+@([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(;[^\s<>\"{}]*)?")


class Reading(StrEnum):
    """As what a dialled address was understood."""

    NUMBER = "number"  # of ours
    EXTENSION = "extension"
    CONFERENCE = "conference"
    DIRECT = "direct"  # a direct hash
    OUTSIDE = "outside"  # somebody's telephone number
    ELSEWHERE = "elsewhere"  # an address on another SIP server


@dataclass(frozen=True, slots=True)
class Meaning:
    """What was dialled: a flow, somebody to connect with, or a conference."""

    called: Address  # the call's destination
    flow: str = ""
    connect: Address | None = None
    conference: str = ""
    reading: Reading | None = field(default=None, compare=False)
    number: NumberEntry | None = field(default=None, compare=False)  # the one of ours that was dialled


class DialPlan:
    """Understands dialled addresses.

    Args:
        domain: ours, in lower case.
        directory: read anew each time, so that it can be swapped.
        own: an E.164 number of ours; numbers without a country code are read as those of its country. "" = none are.
    """

    def __init__(self, domain: str, directory: Callable[[], Directory], *, own: str = "") -> None:
        self._domain = domain
        self._directory = directory
        self.home = home_region(own) if own else ""

    def meaning(self, uri: Uri) -> Meaning | None:
        """Return what a URI means that an authenticated caller dials, None for nothing that there is."""
        if not serves(self._domain, uri):
            return _elsewhere(uri)
        user = _user(uri)
        if is_conference_host(self._domain, uri):
            return self._conference(user)
        if (direct := self.direct(uri)) is not None:
            return direct
        kind, colon, name = user.partition(":")
        match kind.lower() if colon else "":
            case "conference":
                return self._conference(name)
            case "extension":
                return self._extension(name)
            case "tel":
                return self._number(dialled_number(Uri("tel", user=name)))
            case "sip" | "sips":
                return self._uri(user)
        return self._number(dialled_number(uri))

    def direct(self, uri: Uri) -> Meaning | None:
        """Return what a direct hash leads to, None for any other user part. Who knows it needs no account."""
        user = uri.user or ""
        reach = self._directory().direct.get(user) if user.startswith("direct.") else None
        if reach is None:
            return None
        address, how = Address(reach.type, reach.target), Reading.DIRECT
        if reach.type == "flow":
            return Meaning(Address("sip", f"{user}@{self._domain}"), flow=reach.target, reading=how)
        if reach.type == "conference":
            return Meaning(address, conference=reach.target, reading=how)
        return _call(address, how)

    def number(self, text: str) -> NumberEntry | None:
        """Return a number of ours that can be called, however its digits are written."""
        found = own_number(self._directory().numbers, text, self.home)
        return found if found is not None and found.flow else None

    def _number(self, text: str) -> Meaning | None:
        exact = self._directory().numbers.get(text)
        if exact is not None:
            return _flow(exact) if exact.flow else None
        if (phone := self._extension(text)) is not None:
            return phone
        if (own := self.number(text)) is not None:
            return _flow(own)
        found = international(text, self.home)
        return _call(Address("tel", found), Reading.OUTSIDE) if found else None

    def _extension(self, name: str) -> Meaning | None:
        if name not in self._directory().extensions:
            return None
        return _call(Address("extension", name), Reading.EXTENSION)

    def _conference(self, name: str) -> Meaning | None:
        if name not in self._directory().conferences:
            return None
        return Meaning(Address("conference", name), conference=name, reading=Reading.CONFERENCE)

    def _uri(self, text: str) -> Meaning | None:
        try:
            uri = parse_uri(text)
        except SipError:
            return None
        if serves(self._domain, uri):  # one level only: prefixes within are not read
            return self._number(dialled_number(uri))
        return _elsewhere(uri)


def _user(uri: Uri) -> str:
    """Return the user part; in `conference:weekly` the grammar takes what follows the colon for a password."""
    return (uri.user or "") + ("" if uri.password is None else f":{uri.password}")


def _flow(entry: NumberEntry) -> Meaning:
    kind = "tel" if entry.number.startswith("+") else "extension"
    return Meaning(Address(kind, entry.number), flow=entry.flow, reading=Reading.NUMBER, number=entry)


def _call(address: Address, reading: Reading) -> Meaning:
    return Meaning(address, connect=address, reading=reading)


def _elsewhere(uri: Uri) -> Meaning | None:
    """Return a call to a SIP address on another server."""
    if uri.scheme not in ("sip", "sips"):
        return None
    try:
        text = str(replace(uri, headers=(), password=None))
    except SipError:
        return None
    bare = text if uri.scheme == "sips" else text.removeprefix("sip:")
    if not _CALLABLE.fullmatch(bare.removeprefix("sips:")):
        return None
    return _call(Address("sip", bare), Reading.ELSEWHERE)
