"""Whom our calls show, and to whom (RFC 3323, RFC 3325).

Three kinds of called: a phone of ours, a SIP address elsewhere, and a number by way of a provider. Only a provider is
told who somebody is that wants to be hidden.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from voipbin_sip.calls.call import Originator
from voipbin_sip.calls.numbering import rewritten
from voipbin_sip.directory import VIRTUAL, ProviderEntry
from voipbin_sip.sip.errors import LocalProtocolError
from voipbin_sip.sip.name_addr import NameAddr
from voipbin_sip.sip.uri import Uri
from voipbin_sip.values import E164, host_and_port

ANONYMOUS = NameAddr(
    "Anonymous", Uri("sip", user="anonymous", host="anonymous.invalid")
)  # RFC 3323 section 4.1.1.3
PRIVACY = ("Privacy", "id")


@dataclass(frozen=True, slots=True)
class Shown:
    """What an INVITE says of its caller."""

    from_: str  # name-addr without tag
    headers: tuple[tuple[str, str], ...] = ()


def shown_inside(originator: Originator, domain: str) -> Shown:
    """Return what a phone of ours sees."""
    if originator.private:
        return Shown(str(ANONYMOUS))
    source = originator.address
    user, _, host = source.target.partition("@")
    try:
        return Shown(str(NameAddr(source.target_name, Uri("sip", user=user or None, host=host or domain))))
    except LocalProtocolError:  # what a stranger's From held cannot be written
        return Shown(str(NameAddr("", Uri("sip", host=domain))))


def shown_elsewhere(originator: Originator, domain: str) -> Shown:
    """Return what a SIP address on another server sees."""
    inside = shown_inside(originator, domain)
    return Shown(inside.from_, (PRIVACY,)) if originator.private else inside


def shown_number(originator: Originator, ours: Container[str], default: str) -> str:
    """Return the number that a call to the telephone network shows, "" if there is none that it may show.

    Nobody calls with somebody else's number: it is the caller's where that is one of ours, else the default.
    """
    number = originator.address.target
    own = E164.fullmatch(number) and number in ours and not number.startswith(VIRTUAL)
    return number if own else default


def shown_to_carrier(originator: Originator, number: str, provider: ProviderEntry) -> Shown:
    """Return what a provider sees; `number` is one of ours, in E.164."""
    rules = provider.caller_id
    number = rewritten(rules.number or number, rules.rewrite)
    host, _ = host_and_port(rules.domain or provider.hostname)  # RFC 3261 section 19.1.1: From has no port
    identity = Uri("sip", user=number, host=host)
    by_account = rules.user == "username"
    headers: list[tuple[str, str]] = []
    if rules.asserted == "always" or (rules.asserted == "hidden" and (originator.private or by_account)):
        headers.append(("P-Asserted-Identity", f"<{identity}>"))
        if E164.fullmatch(number):  # RFC 3325 section 9.1: one of each kind
            headers.append(("P-Asserted-Identity", f"<tel:{number}>"))
    if originator.private:
        return Shown(str(ANONYMOUS), (*headers, PRIVACY))
    if by_account:
        account, _, realm = provider.username.partition("@")
        identity = Uri("sip", user=account, host=realm or host)
    return Shown(str(NameAddr(originator.address.target_name, identity)), tuple(headers))
