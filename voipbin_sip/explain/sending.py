"""What is sent to whom: the INVITEs that `calls.destinations` would have sent, one of them after the other."""

from __future__ import annotations

from collections.abc import Iterator

from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.sound import CODECS
from voipbin_sip.explain.explanation import Invitation
from voipbin_sip.explain.view import View
from voipbin_sip.sip.name_addr import parse_name_addr
from voipbin_sip.sip.next_hop import is_address
from voipbin_sip.sip.uri import Uri, parse_uri
from voipbin_sip.transport.resolver import ResolveError

_USUAL = frozenset(("PCMU", "PCMA"))  # what every carrier and phone has (RFC 3551, RFC 7587 aside)


async def invitation(view: View, target: Target, *, resolve: bool, refused: str = "") -> Invitation:
    """Return what is sent to a target. DNS is asked only where `resolve` says so."""
    uri = first_hop(target)
    places = [_place(hop.transport, *hop.remote) for hop in target.hops]
    if not places and (resolve or is_address(uri.param("maddr") or uri.host)):
        try:
            found = await view.resolver.resolve(uri)
            places = [_place(place.transport, place.host, place.port) for place in found]
        except ResolveError as error:
            refused = refused or str(error)
    transport = target.hops[0].transport if target.hops else (uri.param("transport") or "").upper()
    return Invitation(
        target.peer,
        target.uri,
        target.from_,
        target.headers,
        target.route,
        target.codecs or CODECS,
        transport or ("TLS" if uri.scheme == "sips" else "UDP"),
        tuple(places),
        not target.provider or view.carriers.usable(target.provider),
        refused or exposed(view, target, transport),
    )


def first_hop(target: Target) -> Uri:
    """Return the URI that says where the INVITE goes."""
    return parse_name_addr(target.route[0]).uri if target.route else parse_uri(target.uri)


def exposed(view: View, target: Target, transport: str) -> str:
    """Return why an INVITE must not be sent in the clear, "" where it may."""
    policy = target.srtp or view.config.media.srtp
    if policy == "required" and transport not in ("TLS", "") and first_hop(target).scheme != "sips":
        return "SRTP is required, and its keys may only be offered over TLS"
    return ""


def lines_of(sent: Invitation) -> Iterator[str]:
    """Yield what an INVITE says, one line for each thing."""
    yield f"INVITE {sent.request_uri}"
    yield f"From: {sent.from_}"
    for name, value in sent.headers:
        yield f"{name}: {value}"
    for value in sent.route:
        yield f"Route: {value}"
    yield f"offers {', '.join(sent.codecs)}"
    if not _USUAL & set(sent.codecs):
        yield "warning: neither PCMU nor PCMA is offered; a far end that has nothing else refuses it with 488"
    if sent.places:
        yield f"goes to {', then '.join(sent.places)}"
    elif not sent.refused:
        host = (parse_name_addr(sent.route[0]).uri if sent.route else parse_uri(sent.request_uri)).host
        yield f"goes to where DNS says {host} is (--resolve asks)"
    if sent.refused:
        yield f"is not sent: {sent.refused}"


def _place(transport: str, host: str, port: int) -> str:
    return f"{f'[{host}]' if ':' in host else host}:{port} by {transport}"
