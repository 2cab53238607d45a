"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966); any other scheme is kept as it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.params import Params

# What may stand in a URI at all: no blanks, controls, quotes, brackets of name-addr, halves of broken UTF-8.
_CLEAN = re.compile(r'[^\x00-\x20"<>\\^`{|}\x7f-\xa0\ud800-\udfff]*+')
_SIP = re.compile(
    r"(sips?):"
    r"(?:([^:@]++)(?::([^@]*+))?+@)?"
    r"(\[[0-9A-Fa-f:.]++\]|[\w.-]++)(?::(\d{1,5}+))?+"
    r"(;[^?]*+)?+(?:\?(.*+))?+",
    re.ASCII | re.IGNORECASE,
)
_TEL = re.compile(r"tel:(\+?[-\d.()A-Fa-f*#]++)((?:;[^;]++)*+)", re.ASCII | re.IGNORECASE)
_OTHER = re.compile(r"([A-Za-z][-A-Za-z0-9+.]*+):(.++)")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_VISUAL = str.maketrans("", "", "-.()")  # visual separators, RFC 3966 section 5.1.1
_HOST = re.compile(r"[0-9A-Fa-f:.]++|[\w.-]++", re.ASCII)
_NUMBER = re.compile(r"\+?[-\d.()A-Fa-f*#]++", re.ASCII)
_UNRESERVED = "-_.!~*'()"
_IN_USER = _UNRESERVED + "&=+$,;?/"
_IN_PASSWORD = _UNRESERVED + "&=+$,"
_IN_PARAM = _UNRESERVED + "[]/:&+$"
_IN_HEADER = _UNRESERVED + "[]/?:+$"
_WAYS = frozenset(("transport", "maddr", "ttl", "method", "lr", "ob"))  # parameters; ob: RFC 5626


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI with its escapes resolved.

    A parsed one is written exactly as it was read; `dataclasses.replace` makes a changed one, escaped anew.
    `str()` raises LocalProtocolError if a part holds what cannot be escaped.
    `host` stands without the brackets of an IPv6 reference. For tel: `user` is the number without visual
    separators; for schemes that are none of sip, sips, tel, everything after the colon is in `text`.
    """

    scheme: str  # lower case
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    params: Params = ()
    headers: Params = ()
    text: str = ""
    _source: str | None = field(init=False, default=None, compare=False, repr=False)

    def param(self, name: str) -> str | None:
        """Return a parameter's value, "" for one without value, None if there is none."""
        name = name.lower()
        for key, value in self.params:
            if key.lower() == name:
                return value or ""
        return None

    @property
    def number(self) -> str | None:
        """The telephone number in a tel URI or in a SIP URI's user part, without visual separators."""
        if self.user is None:
            return None
        number = self.user.partition(";")[0]
        return number.translate(_VISUAL) if _NUMBER.fullmatch(number) else None

    @property
    def phone_context(self) -> str | None:
        """The phone-context of a local number (RFC 3966 section 5.1.5)."""
        return self.param("phone-context")

    def __str__(self) -> str:
        if self._source is not None:
            return self._source
        text = self._composed()
        if not _CLEAN.fullmatch(text) or (self.scheme in ("sip", "sips") and not _HOST.fullmatch(self.host)):
            raise LocalProtocolError(f"not a URI: {text[:60]!r}")
        return text

    def _composed(self) -> str:
        if self.scheme not in ("sip", "sips", "tel"):
            return f"{self.scheme}:{self.text}"
        params = "".join(
            ";" + _escape(key, _IN_PARAM)
            if value is None
            else f";{_escape(key, _IN_PARAM)}={_escape(value, _IN_PARAM)}"
            for key, value in self.params
        )
        if self.scheme == "tel":
            return f"tel:{self.user or ''}{params}"
        user = ""
        if self.user:
            password = "" if self.password is None else ":" + _escape(self.password, _IN_PASSWORD)
            user = _escape(self.user, _IN_USER) + password + "@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        headers = "&".join(
            f"{_escape(key, _IN_HEADER)}={_escape(value or '', _IN_HEADER)}" for key, value in self.headers
        )
        return f"{self.scheme}:{user}{host}{port}{params}{'?' if headers else ''}{headers}"


def _escape(text: str, safe: str) -> str:
    return percent_encode(text, safe, errors="replace")


def parse_uri(text: str) -> Uri:
    """Parse an absolute URI; raises RemoteProtocolError."""
    if not _CLEAN.fullmatch(text):
        raise RemoteProtocolError(400, "Bad URI")
    escaped = "%" in text
    if match := _SIP.fullmatch(text):
        if escaped and _BAD_ESCAPE.search(text):
            raise RemoteProtocolError(400, "Bad Escape In URI")
        scheme, user, password, host, digits, params, headers = match.groups()
        port = None if digits is None else int(digits)
        if port is not None and port > 65535:
            raise RemoteProtocolError(400, "Bad Port In URI")
        if escaped:
            user = percent_decode(user) if user else user
            password = percent_decode(password) if password else password
        uri = Uri(
            scheme.lower(),
            user,
            password,
            host[1:-1] if host[0] == "[" else host,
            port,
            _pairs(params[1:], ";", escaped) if params else (),
            _pairs(headers, "&", escaped) if headers else (),
        )
    else:
        uri = _parse_other(text, escaped)
    object.__setattr__(uri, "_source", text)  # a frozen object's own making
    return uri


def _parse_other(text: str, escaped: bool) -> Uri:
    if match := _TEL.fullmatch(text):
        number, params = match.groups()
        pairs = _pairs(params[1:], ";", escaped) if params else ()
        return Uri("tel", number.translate(_VISUAL), params=pairs)
    match = _OTHER.fullmatch(text)
    if match is None or match[1].lower() in ("sip", "sips", "tel"):
        raise RemoteProtocolError(400, "Bad URI")
    return Uri(match[1].lower(), text=match[2])


def _pairs(text: str, separator: str, escaped: bool) -> Params:
    found: list[tuple[str, str | None]] = []
    for item in text.split(separator):
        key, equals, value = item.partition("=")
        if not key:
            raise RemoteProtocolError(400, "Bad URI Parameter")
        if escaped:
            key, value = percent_decode(key), percent_decode(value)
        found.append((key, value if equals else None))
    return tuple(found)


def party_uri(uri: Uri) -> Uri:
    """Return a SIP URI as From and To carry it: without what only says how to get there (section 19.1.1, table 1)."""
    params = tuple(pair for pair in uri.params if pair[0].lower() not in _WAYS)
    return replace(uri, port=None, params=params, headers=())


def same_uri(a: Uri, b: Uri) -> bool:
    """Return whether two URIs are equal by the rules of RFC 3261 section 19.1.4 (tel: RFC 3966 section 4)."""
    if a.scheme != b.scheme:
        return False
    if a.scheme not in ("sip", "sips", "tel"):
        return a.text == b.text
    if a.scheme == "tel":
        return (a.user or "").lower() == (b.user or "").lower() and _folded(a.params) == _folded(b.params)
    if _userinfo(a) != _userinfo(b) or a.host.lower() != b.host.lower() or a.port != b.port:
        return False
    ours, theirs = _folded(a.params), _folded(b.params)
    for name in ours.keys() | theirs.keys():
        both = name in ours and name in theirs
        if both and ours[name] != theirs[name]:
            return False
        if not both and name in ("user", "ttl", "method", "maddr", "transport"):
            return False
    return _folded(a.headers) == _folded(b.headers)


def _userinfo(uri: Uri) -> str:
    """Return user and password as written, only escapes of unreserved characters resolved."""
    if uri.user is None:
        return ""
    text = str(uri).partition("@")[0]
    return _ESCAPE.sub(_plain, text.partition(":")[2])


def _plain(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char.isascii() and (char.isalnum() or char in _UNRESERVED) else match[0].upper()


def _folded(params: Params) -> dict[str, str]:
    return {key.lower(): (value or "").lower() for key, value in params}
