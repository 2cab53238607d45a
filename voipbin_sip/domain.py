"""Which hosts in a URI mean this server: its domain, what lies below it, and any IP address."""

from __future__ import annotations

import ipaddress

from voipbin_sip.sip.uri import Uri


def serves(domain: str, uri: Uri) -> bool:
    """Return whether a URI addresses us. `domain` is in lower case.

    Any address counts: it may be one that only a NAT in front of us knows.
    """
    if uri.scheme == "tel":
        return True
    host = (uri.host or "").lower().strip("[]")
    if host in (domain, "localhost") or host.endswith("." + domain):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def trunk_label(domain: str, uri: Uri) -> str | None:
    """Return the name of a trunk whose host a URI has, `office` of office.trunk.<domain>; None for other hosts."""
    host = (uri.host or "").lower()
    label = host.removesuffix(f".trunk.{domain}")
    return label if label != host and label and "." not in label else None


def is_conference_host(domain: str, uri: Uri) -> bool:
    """Return whether the user part of a URI names a conference."""
    return (uri.host or "").lower() == f"conference.{domain}"
