"""Where a message leaves to: responses by RFC 3261 18.2.2 and RFC 3581, requests of ours past NATs.

The core knows addresses only, it resolves no names: a next hop that is a name is taken to be the neighbour that
the dialog's last request came from, which a recording proxy or a phone almost always is.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from functools import lru_cache

from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Request
from voipbin_sip.sip.uri import Uri

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        "100.64.0.0/10",  # RFC 6598: carrier-grade NAT
        *("127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8"),  # RFC 6890: loopback, link-local, "this network"
        *("::1/128", "fe80::/10", "fc00::/7"),  # RFC 4291, RFC 4193
    )
)
_LONGEST = 45  # characters of an address as text; longer ones need not be remembered
DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}  # RFC 3261 section 19.1.2


def response_hop(request: Request, hop: Hop) -> Hop:
    """Return where responses to a request go; always to its source address, whatever Via says.

    With rport the source port, without it the port in Via: some old phones send from one port and listen on
    another. A Via that names a private address which is not the source comes through a NAT; there the source port is
    the only one that works. maddr is not obeyed: it would let anyone aim our answers.
    """
    if hop.transport != "UDP":
        return hop
    via = request.via
    if via.rport is not None or (via.host != hop.remote[0] and is_private(via.host)):
        return hop
    port = via.port or 5060
    return hop if port == hop.remote[1] else replace(hop, remote=(hop.remote[0], port))


def request_hop(target: Uri, last: Hop) -> Hop:
    """Return where an in-dialog request to `target` (first Route or remote target) goes.

    `last` is the hop of the peer's last request. A private address that the packets do not come from is one behind
    a NAT; such targets, and names, are reached where the last request came from. A connection of the peer is used
    as long as it lives (`last.connection`), else the transport opens one.
    """
    transport = (target.param("transport") or "").upper()
    if target.scheme == "sips":
        transport = "TLS"
    elif transport not in DEFAULT_PORTS:
        transport = last.transport
    host = target.param("maddr") or target.host
    source = last.remote[0]
    behind = not is_address(host) or (host != source and is_private(host))
    if behind and transport == last.transport and (last.connection or transport == "UDP"):
        return last
    if host == source and last.connection and transport == last.transport:
        return last
    remote = (source if behind else host, target.port or DEFAULT_PORTS[transport])
    if transport != "TLS":
        return Hop(transport, last.local, remote)
    # A server whose certificate was for a domain shows the same one when it is connected to again.
    known = last.name if last.transport == "TLS" and remote[0] == source else ""
    return Hop(transport, last.local, remote, name=known or target.host)


def is_address(host: str) -> bool:
    """Return whether the text is an IP address and not a name."""
    return len(host) <= _LONGEST and _address(host) is not None


def is_private(host: str) -> bool:
    """Return whether the text is an address that means nothing beyond its own network."""
    return len(host) <= _LONGEST and _is_private(host)


@lru_cache(maxsize=1024)
def _is_private(host: str) -> bool:
    address = _address(host)
    return address is not None and any(address in network for network in _PRIVATE)


@lru_cache(maxsize=1024)
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
