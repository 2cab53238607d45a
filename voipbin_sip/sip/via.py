"""The Via header (RFC 3261 section 20.42) with rport (RFC 3581)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.params import TOKEN, Params, find_param, format_params, parse_params, with_param

_VIA = re.compile(
    r"SIP\s*+/\s*+2\.0\s*+/\s*+(" + TOKEN + r")\s++"
    r"(\[[0-9A-Fa-f:.]++\]|[\w.-]++)(?:\s*+:\s*+(\d{1,5}+))?+\s*+(;.*+)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop that a message took. `host` stands without the brackets of an IPv6 reference."""

    transport: str  # upper case
    host: str
    port: int | None = None
    params: Params = ()

    @property
    def branch(self) -> str | None:
        """The transaction's branch, or None (RFC 2543)."""
        return find_param(self.params, "branch") or None

    @property
    def rport(self) -> int | None:
        """The source port that the next hop saw; 0 while only asked for (RFC 3581), None if not asked."""
        value = find_param(self.params, "rport")
        if value is None:
            return None
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 5 else 0

    @property
    def received(self) -> str | None:
        """The source address that the next hop saw, without brackets (RFC 5118 section 4.5: both)."""
        value = find_param(self.params, "received")
        return value.strip("[]") if value else None

    def param(self, name: str) -> str | None:
        """Return a parameter's value, "" for one without value, None if there is none."""
        return find_param(self.params, name.lower())

    def with_source(self, host: str, port: int) -> Via:
        """Return this Via with a request's source noted (RFC 3261 section 18.2.1, RFC 3581 section 4)."""
        params = self.params
        wants_port = find_param(params, "rport") is not None
        if wants_port:
            params = with_param(params, "rport", str(port))
        if wants_port or self.host.lower() != host.lower() or find_param(params, "received") is not None:
            params = with_param(params, "received", host)
        return self if params is self.params else replace(self, params=params)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {host}{port}{format_params(self.params)}"


def parse_via(text: str) -> Via:
    """Parse one Via value; raises RemoteProtocolError."""
    match = _VIA.fullmatch(text)
    if match is None:
        raise RemoteProtocolError(400, "Bad Via")
    transport, host, digits, params = match.groups()
    port = None if digits is None else int(digits)
    if port is not None and port > 65535:
        raise RemoteProtocolError(400, "Bad Via Port")
    if host[0] == "[":
        host = host[1:-1]
    return Via(transport.upper(), host, port, parse_params(params) if params else ())
