"""What a REGISTER asks for: its Contacts, how long, by which way (RFC 3261 section 10.2, RFC 3327, RFC 5626)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.name_addr import NameAddr, parse_name_addr_list
from voipbin_sip.sip.params import find_param

_NUMBER = re.compile(r"[0-9]{1,10}")
_Q = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")  # qvalue, section 25.1
_UNREADABLE = re.compile(r"[^\x20-\x7e]")
MALFORMED_EXPIRES = 3600  # section 20.19: what an unreadable value means
MAX_CONTACTS = 16  # in one request
MAX_URI = 512  # characters


@dataclass(frozen=True, slots=True)
class Wish:
    """One Contact of a REGISTER."""

    uri: str
    expires: int | None  # seconds; None: nothing said, the registrar chooses
    q: float
    instance: str
    reg_id: str


def wishes(request: Request) -> list[Wish]:
    """Return the Contacts of a REGISTER; none for a query and for `*`.

    Addresses that no call can be sent to (mailto and the like) are left out. Raises RemoteProtocolError.
    """
    common = expires_header(request)
    contacts = request.contacts
    if len(contacts) > MAX_CONTACTS:
        raise RemoteProtocolError(400, "Too Many Contacts", request)
    return [_wish(contact, common, request) for contact in contacts if contact.uri.scheme in ("sip", "sips")]


def expires_header(request: Request) -> int | None:
    """Return the Expires header in seconds, None if there is none."""
    value = request.headers.get("expires")
    return None if value is None else _seconds(value)


def path_of(request: Request) -> tuple[str, ...]:
    """Return the Path values, the proxy next to us first; raises RemoteProtocolError.

    They are taken from any client: a phone need not know that a proxy on its way adds itself (RFC 3327 section 5.3
    leaves that to the registrar's policy).
    """
    lines = request.headers.get_all("path")
    return tuple(str(value) for value in parse_name_addr_list(lines)) if lines else ()


def readable(text: str, limit: int) -> str:
    """Return a text from outside for people to see: printable ASCII, cut."""
    return _UNREADABLE.sub("?", text)[:limit]


def _wish(contact: NameAddr, common: int | None, request: Request) -> Wish:
    uri = contact.uri
    text = str(replace(uri, headers=()) if uri.headers else uri)  # headers have no place in a Request-URI
    if len(text) > MAX_URI:
        raise RemoteProtocolError(400, "Contact Too Long", request)
    own = find_param(contact.params, "expires")
    q, reg_id = find_param(contact.params, "q"), find_param(contact.params, "reg-id")
    return Wish(
        uri=text,
        expires=common if own is None else _seconds(own),
        q=float(q) if q and _Q.fullmatch(q) else 1.0,
        instance=readable(find_param(contact.params, "+sip.instance") or "", 128),
        reg_id=reg_id if reg_id and _NUMBER.fullmatch(reg_id) else "",
    )


def _seconds(text: str) -> int:
    text = text.strip()
    return int(text) if _NUMBER.fullmatch(text) else MALFORMED_EXPIRES
