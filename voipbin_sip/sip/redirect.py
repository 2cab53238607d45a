"""Where a 3xx sends the caller (RFC 3261 sections 8.1.3.4 and 20.10)."""

from __future__ import annotations

import re

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.message import Response
from voipbin_sip.sip.name_addr import NameAddr

_QVALUE = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")
_MOST = 16  # contacts that one answer may send us to


def redirect_contacts(response: Response) -> tuple[str, ...]:
    """Return the Contact URIs in order of their q values, equal ones as they stand; none if they are unreadable."""
    try:
        contacts = response.contacts
    except RemoteProtocolError:
        return ()
    ordered = sorted(contacts, key=_preference, reverse=True)  # a stable sort, also when reversed
    return tuple(str(contact.uri) for contact in ordered[:_MOST])


def _preference(contact: NameAddr) -> float:
    """Return the q value; contacts without one are taken first, as if they had the highest."""
    text = contact.param("q") or ""
    return float(text) if _QVALUE.fullmatch(text) else 1.0
