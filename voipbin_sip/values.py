"""Kinds of values that the configuration and the directory share: numbers, networks, hosts with ports."""

from __future__ import annotations

import ipaddress
import re

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""A telephone number in the form of ITU-T E.164."""

_HOST_PORT = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?))(?::([0-9]{1,5}))?"
)


def network(text: str) -> str:
    """Return a text that names an address or a network. Raises ValueError."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must be an IP address or a network like 192.0.2.0/24") from None
    return text


def host_and_port(text: str) -> tuple[str, int | None]:
    """Return host and port of `host`, `host:port` or `[v6]:port`. Raises ValueError."""
    match = _HOST_PORT.fullmatch(text)
    port = int(match[4]) if match is not None and match[4] else None
    if match is None or port == 0 or (port or 0) > 65_535:
        raise ValueError("must be a host, with :port after it if wanted; an IPv6 address in brackets")
    if match[1]:
        try:
            ipaddress.IPv6Address(match[1])
        except ValueError:
            raise ValueError(f"[{match[1]}] is not an IPv6 address") from None
    return match[1] or match[2], port


def split_host_port(text: str, default: int) -> tuple[str, int]:
    """Return the same with a default for the port; an IPv6 address alone needs no brackets. Raises ValueError."""
    try:
        return str(ipaddress.IPv6Address(text)), default
    except ValueError:
        host, port = host_and_port(text)
        return host, port or default
