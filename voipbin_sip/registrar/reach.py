"""The way to a registered phone, decided when it registers.

Real phones sit behind NATs and write addresses into their Contact that mean nothing outside, or mean somebody else.
Where the Contact's host is not the address that the REGISTER came from, calls go the way the REGISTER came. It also
keeps a phone from aiming our calls at third parties. A proxy may well send from another address than its Path names,
and closes its connections when they are idle: there the Path's address is kept for the next one.
"""

from __future__ import annotations

from dataclasses import replace

from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.name_addr import parse_name_addr
from voipbin_sip.sip.next_hop import DEFAULT_PORTS, is_address
from voipbin_sip.sip.uri import Uri


def way_to(uri: Uri, path: tuple[str, ...], hop: Hop, *, symmetric: bool) -> Hop:
    """Return the hop for requests to a contact, or to the proxy that its Path names first (RFC 3327).

    `hop` is the REGISTER's. `symmetric`: its Via had rport (RFC 3581), so it listens where it sends from. A stream
    keeps its connection in the hop; the address beside it is for when the connection is gone. A sips: contact is
    reached over TLS only (RFC 3261 section 26.2.2), from where it registered by anything else too.
    """
    target = parse_name_addr(path[0]).uri if path else uri
    host = target.host.lower()
    known = host == hop.remote[0].lower() or (path and hop.transport != "UDP" and is_address(host))
    transport = "TLS" if target.scheme == "sips" else (target.param("transport") or hop.transport).upper()
    if hop.transport != "TLS" and "sips" in (uri.scheme, target.scheme):
        return Hop("TLS", hop.local, (host if known else hop.remote[0], target.port or DEFAULT_PORTS["TLS"]))
    if not known or transport not in DEFAULT_PORTS:
        return hop
    remote = (host, target.port or DEFAULT_PORTS[transport])
    if transport != hop.transport:
        return Hop(transport, hop.local, remote)
    if transport == "UDP" and symmetric:
        return hop
    return replace(hop, remote=remote)
