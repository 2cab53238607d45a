"""Which call is asked about: whom it is to, who calls, and from which address."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from voipbin_sip.sip.errors import SipError
from voipbin_sip.sip.uri import Uri, parse_uri
from voipbin_sip.transport.address import TRANSPORTS

ANONYMOUS = "anonymous"
NOWHERE = "caller.invalid"  # the host in From of callers of whom only a number is known (RFC 2606)
MAX_TEXT = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadQuestion(ValueError):  # noqa: N818 - reads as what it is
    """The question cannot be understood; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Question:
    """One call. Texts are as a person wrote them; see `read_question`."""

    to: str  # a number, an extension, a SIP or tel URI
    source: str = ""  # the address that it comes from; "" = not said
    port: int = 0
    caller: str = ""  # a number, an extension, a SIP URI or "anonymous"; "" = not said
    transport: str = "udp"
    resolve: bool = False  # whether DNS may be asked where hosts are

    def request_uri(self, domain: str) -> Uri:
        """Return what is dialled. Raises BadQuestion."""
        return _uri(self.to, domain, "--to")

    def from_uri(self, domain: str) -> Uri:
        """Return who calls, as From says it. Raises BadQuestion."""
        if not self.caller or self.caller == ANONYMOUS:
            return Uri("sip", user=self.caller or None, host="anonymous.invalid" if self.caller else NOWHERE)
        return _uri(self.caller, domain, "--from")


def read_question(
    to: str,
    caller: str = "",
    source: str = "",
    transport: str = "udp",
    *,
    resolve: bool = False,
) -> Question:
    """Return the question that was asked. Raises BadQuestion."""
    to, caller, source = to.strip(), caller.strip(), source.strip()
    for name, text in (("--to", to), ("--from", caller)):
        if len(text) > MAX_TEXT or _CONTROL.search(text):
            raise BadQuestion(f"{name} is no address: it has control characters or is too long")
    if not to:
        raise BadQuestion("--to is empty: give a number, an extension or a SIP address")
    if transport.lower() not in TRANSPORTS:
        raise BadQuestion(f"--transport is one of {', '.join(TRANSPORTS)}")
    host, port = _address(source) if source else ("", 0)
    found = Question(to, host, port, caller, transport.lower(), resolve)
    found.request_uri(NOWHERE)  # raises for what is no address
    found.from_uri(NOWHERE)
    return found


def _address(text: str) -> tuple[str, int]:
    try:
        return str(ipaddress.ip_address(text.strip("[]"))), 0
    except ValueError:
        pass
    try:
        found = parse_uri(f"sip:{text}")
        if found.user is None and not found.params and not found.headers:
            return str(ipaddress.ip_address(found.host)), found.port or 0
    except (SipError, ValueError):
        pass
    raise BadQuestion(
        f"--source {text!r} is no address: write 192.0.2.7, 192.0.2.7:5060 or [2001:db8::7]:5060"
    )


def _uri(text: str, domain: str, option: str) -> Uri:
    has_scheme = text.lower().startswith(("sip:", "sips:", "tel:"))
    try:
        if has_scheme or "@" in text:
            found = parse_uri(text if has_scheme else f"sip:{text}")
            str(found)  # what cannot be written cannot be dialled
            return found
        bare = Uri("sip", user=text, host=domain)
        return parse_uri(str(bare))
    except SipError as error:
        raise BadQuestion(f"{option} {text!r} is no number, extension or SIP address: {error}") from error
