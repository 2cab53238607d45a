"""Whose certificate it is: the names in it against the domain that was asked for (RFC 5922 section 7).

The domain is the one in the URI that led there, never the name of the server that DNS found for it: DNS can lie.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.next_hop import is_address
from voipbin_sip.sip.uri import parse_uri


def identities(certificate: Mapping[str, Any]) -> list[str]:
    """Return the SIP identities of a certificate as `ssl.SSLSocket.getpeercert` gives it (RFC 5922 section 7.1).

    sip: URIs without a user, DNS names and addresses; the common name only where there are no alternative names.
    """
    alternatives = certificate.get("subjectAltName", ())
    if not alternatives:
        return [
            value for group in certificate.get("subject", ()) for name, value in group if name == "commonName"
        ]
    found = [_domain(value) if kind == "URI" else value for kind, value in alternatives if kind in _KINDS]
    return list(dict.fromkeys(name for name in found if name))


def is_for(name: str, found: str, *, wildcards: bool) -> bool:
    """Return whether an identity is the one that was asked for (RFC 5922 section 7.2: as a whole, in any case)."""
    if is_address(name):
        return is_address(found) and ipaddress.ip_address(name) == ipaddress.ip_address(found)
    name, found = name.rstrip(".").lower(), found.rstrip(".").lower()
    if wildcards and found.startswith("*."):
        label, _, rest = name.partition(".")
        return bool(label) and "." in rest and rest == found[2:]
    return name == found


_KINDS = ("URI", "DNS", "IP Address")


def _domain(text: str) -> str:
    """Return the host of a sip: URI without a user, "" for all others, which say nothing about a domain."""
    try:
        uri = parse_uri(text)
    except RemoteProtocolError:
        return ""
    return uri.host if uri.scheme == "sip" and uri.user is None else ""
