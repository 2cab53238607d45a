"""The Replaces header: a call that takes another one's place (RFC 3891)."""

from __future__ import annotations

from dataclasses import dataclass

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.params import find_param, is_token, parse_params


@dataclass(frozen=True, slots=True)
class Replaces:
    """A dialog as the one sees it who is asked to give it up: `to_tag` is its own tag."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def parse_replaces(text: str) -> Replaces:
    """Parse a Replaces value, of a header or of the header part of a URI; raises RemoteProtocolError (400)."""
    call_id, semicolon, rest = text.strip().partition(";")
    params = parse_params(semicolon + rest)
    to_tag, from_tag = find_param(params, "to-tag") or "", find_param(params, "from-tag") or ""
    if not call_id.strip() or not is_token(to_tag) or not is_token(from_tag):
        raise RemoteProtocolError(400, "Bad Replaces")
    return Replaces(call_id.strip(), to_tag, from_tag, find_param(params, "early-only") is not None)


def replaces_of(request: Request) -> Replaces | None:
    """Return what an INVITE is to replace, None if nothing; raises RemoteProtocolError (400, section 3)."""
    lines = request.headers.get_all("replaces")
    if not lines:
        return None
    if len(lines) > 1:
        raise RemoteProtocolError(400, "Several Replaces", request)
    return parse_replaces(lines[0])
