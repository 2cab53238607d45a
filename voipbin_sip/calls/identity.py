"""Who calls us and whom, and whether that may be shown: From, P-Asserted-Identity (RFC 3325), Privacy (RFC 3323)."""

from __future__ import annotations

from collections.abc import Iterable

from voipbin_sip.calls.call import Address
from voipbin_sip.calls.numbering import Rewrite, dialled_number, international, rewritten
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.name_addr import NameAddr, parse_name_addr, parse_name_addr_list
from voipbin_sip.sip.uri import Uri
from voipbin_sip.values import E164

_HIDING = frozenset(("id", "user", "header", "critical"))


def is_private(request: Request) -> bool:
    """Return whether the caller does not want to be shown."""
    wishes = {wish.strip().lower() for line in request.headers.get_all("privacy") for wish in line.split(";")}
    uri = request.from_.uri
    nameless = (uri.user or "").lower() == "anonymous" or (uri.host or "").lower() == "anonymous.invalid"
    return bool(wishes & _HIDING) or nameless


def extension_address(request: Request, extension: str) -> Address:
    """Return the address of a phone that has proved to be an extension's."""
    return Address("extension", extension, target_name=request.from_.display or "")


def stranger_address(request: Request) -> Address:
    """Return the address of a caller who has proved nothing, as From tells it."""
    return _address(request.from_)


def carrier_address(request: Request, rules: Iterable[Rewrite], home: str) -> Address:
    """Return who calls by way of a provider; what it asserts goes before From, unless the caller wants to be hidden."""
    return _address(request.from_ if is_private(request) else _asserted(request), rules, home)


def trunk_address(request: Request, home: str) -> Address:
    """Return who calls from a trunk; it may assert a number that is to be hidden further on."""
    return _address(_asserted(request), (), home)


def called_by_carrier(request: Request) -> list[Uri]:
    """Return where a carrier may have put the number that was called, the likeliest place first.

    One that we are registered with sends its calls to our Contact, with the number in To or in P-Called-Party-ID
    (RFC 7315 section 4.2).
    """
    places = [request.uri]
    for line in request.headers.get_all("p-called-party-id"):
        try:
            places.append(parse_name_addr(line).uri)
        except RemoteProtocolError:
            continue
    return [*places, request.to.uri]


def _asserted(request: Request) -> NameAddr:
    """Return the first identity that a trusted neighbour asserts and that has a number, else From."""
    try:
        asserted = parse_name_addr_list(request.headers.get_all("p-asserted-identity"))
    except RemoteProtocolError:
        asserted = ()
    for identity in asserted:
        if identity.uri.number is not None:
            return NameAddr(identity.display or request.from_.display, identity.uri)
    return request.from_


def _address(party: NameAddr, rules: Iterable[Rewrite] = (), home: str = "") -> Address:
    name, uri = party.display or "", party.uri
    number = rewritten(dialled_number(uri), rules)
    number = international(number, home) or number
    if E164.fullmatch(number):
        return Address("tel", number, target_name=name)
    return Address("sip", f"{uri.user or 'anonymous'}@{uri.host or 'invalid'}", target_name=name)
