"""The header lines of a message, in order and as received (RFC 3261 section 7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.params import is_token, refuse_unwritable, split_commas

# Compact forms: RFC 3261 section 7.3.3 and the IANA registry of header fields.
COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}


def header_key(name: str) -> str:
    """Return what header names are compared by: long form, lower case."""
    key = name.lower()
    return COMPACT.get(key, key)


class Headers:
    """Header lines as (name, value) pairs; compact names and any case name the same header.

    `cache` holds what the message has parsed out of the lines; every change empties it.
    """

    __slots__ = ("_index", "_items", "cache")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = [(_name(name), refuse_unwritable(value).strip()) for name, value in items]
        self._index: dict[str, list[str]] | None = None
        self.cache: dict[str, object] = {}

    @classmethod
    def received(cls, items: list[tuple[str, str]]) -> Headers:
        """Take over lines that came from the wire, unchecked."""
        headers = cls.__new__(cls)
        headers._items = items
        headers._index = None
        headers.cache = {}
        return headers

    def lines(self, name: str) -> list[str] | None:
        """Return the value of each line of that name as `get_all`, but not a copy, and None if there is none."""
        index = self._index
        if index is None:
            index = self._index = {}
            compact = COMPACT
            for raw, value in self._items:
                key = raw.lower()
                if len(key) == 1:
                    key = compact.get(key, key)
                if key in index:
                    index[key].append(value)
                else:
                    index[key] = [value]
        found = index.get(name)
        return index.get(header_key(name)) if found is None else found

    def get(self, name: str) -> str | None:
        """Return the value of the first line of that name."""
        lines = self.lines(name)
        return lines[0] if lines else None

    def get_all(self, name: str) -> list[str]:
        """Return the value of each line of that name."""
        return list(self.lines(name) or ())

    def values(self, name: str) -> list[str]:
        """Return all values of that name, those of one line split at its commas; empty ones are left out.

        Raises RemoteProtocolError if quotes are unbalanced.
        """
        return [item for line in self.lines(name) or () for item in split_commas(line) if item]

    def add(self, name: str, value: str) -> None:
        """Append a line. Raises LocalProtocolError for what must not be written."""
        self._items.append((_name(name), refuse_unwritable(value).strip()))
        self._changed()

    def insert(self, position: int, name: str, value: str) -> None:
        """Put a line before the one at `position` (0: first)."""
        self._items.insert(position, (_name(name), refuse_unwritable(value).strip()))
        self._changed()

    def replace(self, name: str, value: str) -> None:
        """Put one line in the place of all lines of that name, or append it."""
        line = (_name(name), refuse_unwritable(value).strip())
        key = header_key(name)
        position = next((i for i, (raw, _) in enumerate(self._items) if header_key(raw) == key), None)
        if position is None:
            self._items.append(line)
        else:
            rest = [item for item in self._items[position:] if header_key(item[0]) != key]
            self._items[position:] = [line, *rest]
        self._changed()

    def remove(self, name: str) -> None:
        """Drop all lines of that name."""
        key = header_key(name)
        self._items = [item for item in self._items if header_key(item[0]) != key]
        self._changed()

    def _changed(self) -> None:
        self._index = None
        self.cache = {}

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: str) -> bool:
        return self.lines(name) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._items == other._items

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._items!r})"


def _name(name: str) -> str:
    if not is_token(name):
        raise LocalProtocolError(f"not a header name: {name[:60]!r}")
    return name
