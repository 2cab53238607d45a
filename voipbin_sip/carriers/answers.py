"""What the answers to a REGISTER of ours say (RFC 3261 section 10.2.4, RFC 3608), read generously."""

from __future__ import annotations

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.headers import Headers
from voipbin_sip.sip.message import Response
from voipbin_sip.sip.name_addr import NameAddr, parse_name_addr, parse_name_addr_list
from voipbin_sip.sip.redirect import redirect_contacts
from voipbin_sip.sip.uri import Uri, same_uri
from voipbin_sip.sip.via import parse_via

LONGEST = 30 * 86_400  # seconds; what is longer is a mistake
MOST_ROUTES = 16


def granted(headers: Headers, contact: Uri, asked: int) -> int:
    """Return for how many seconds a 200 keeps our Contact; 0 if it is not among those that it lists.

    Registrars list all Contacts of the account, those of other machines too, with less or more time each. Some
    write ours another way (a NAT's address, a parameter more): user and host decide then, or that there is one only.
    """
    listed = _listed(headers)
    overall = _seconds(headers.get("expires"))
    default = asked if overall is None else overall
    if not listed:
        return default
    ours = (
        [item for item in listed if same_uri(item.uri, contact)]
        or [item for item in listed if _alike(item.uri, contact)]
        or (listed if len(listed) == 1 else [])
    )
    if not ours:
        return 0
    own = _seconds(ours[0].param("expires"))
    return default if own is None else own


def least(headers: Headers) -> int | None:
    """Return the Min-Expires of a 423 in seconds."""
    return _seconds(headers.get("min-expires"))


def retry_after(headers: Headers) -> int | None:
    """Return the Retry-After in seconds; its comment and parameters do not matter."""
    text = (headers.get("retry-after") or "").partition(";")[0].partition("(")[0]
    return _seconds(text.strip())


def service_route(headers: Headers) -> tuple[str, ...]:
    """Return the routes that our calls are to take, as Route values; none if they are unreadable."""
    try:
        routes = parse_name_addr_list(headers.lines("service-route") or ())
    except RemoteProtocolError:
        return ()
    return tuple(f"<{route.uri}>" for route in routes[:MOST_ROUTES] if route.uri.scheme in ("sip", "sips"))


def seen_at(headers: Headers) -> str:
    """Return the address from which our request came to the registrar, "" where it does not tell (RFC 3581)."""
    try:
        vias = headers.values("via")
        return (parse_via(vias[0]).received if vias else None) or ""
    except RemoteProtocolError:
        return ""


def elsewhere(status: int, reason: str, headers: Headers) -> tuple[str, ...]:
    """Return where a 3xx sends us, URIs in order of preference."""
    return redirect_contacts(Response(status, reason, headers))


def _listed(headers: Headers) -> list[NameAddr]:
    found = []
    try:
        values = headers.values("contact")
    except RemoteProtocolError:
        return []
    for value in values:
        try:
            found.append(parse_name_addr(value))
        except RemoteProtocolError:
            continue  # another machine's; ours is readable
    return found


def _alike(listed: Uri, contact: Uri) -> bool:
    return (listed.user, listed.host.lower()) == (contact.user, contact.host.lower()) and (
        listed.port or 5060
    ) == (contact.port or 5060)


def _seconds(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return LONGEST if len(text) > 9 else min(int(text), LONGEST)
