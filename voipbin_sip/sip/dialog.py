"""A dialog as a value that can be written down and read back (RFC 3261 section 12).

Dialogs are frozen: what changes them returns a new one. URIs and parties are kept as text, as they go into headers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from voipbin_sip.sip.errors import LocalProtocolError, RemoteProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.message import Request, Response
from voipbin_sip.sip.name_addr import parse_name_addr, parse_name_addr_list
from voipbin_sip.sip.transaction_key import has_magic_branch
from voipbin_sip.sip.uri import Uri, parse_uri, party_uri


@dataclass(frozen=True, slots=True)
class Dialog:
    """One peer-to-peer relation and all that is needed to go on with it."""

    call_id: str
    local_tag: str
    remote_tag: str  # "" for a peer of RFC 2543 that sent none
    local_party: str  # From header of our requests, tag included
    remote_party: str  # To header of our requests, tag included
    local_cseq: int  # number of our last request, 0 before the first
    remote_cseq: int  # number of the peer's last request, -1 before the first
    route_set: tuple[str, ...]  # in the order in which our requests pass them
    remote_target: str  # URI
    secure: bool  # reached by sips over TLS (section 12.1.1)
    owns_call_id: bool  # we made the Call-ID: the longer back-off after 491 (section 14.1)
    hop: Hop  # how the peer's last message came in

    @property
    def key(self) -> tuple[str, str, str]:
        """The dialog ID of section 12."""
        return (self.call_id, self.local_tag, self.remote_tag)

    def routing(self) -> tuple[str, tuple[str, ...]]:
        """Return Request-URI and Route values of a request in this dialog (section 12.2.1.1)."""
        if not self.route_set:
            return self.remote_target, ()
        first = cached_uri(_bare(self.route_set[0]))
        if first.param("lr") is not None:
            return self.remote_target, self.route_set
        # A strict router wants itself in the Request-URI, and the target as the last Route.
        return str(_request_uri(first)), (*self.route_set[1:], f"<{self.remote_target}>")

    def next_hop_uri(self) -> Uri:
        """Return the URI that a request in this dialog is sent to; a sips: target makes it one too (section 8.1.2)."""
        if not self.route_set:
            return cached_uri(self.remote_target)
        first = cached_uri(_bare(self.route_set[0]))
        if first.scheme == "sip" and is_sips(self.remote_target):
            return replace(first, scheme="sips")
        return first

    def with_request(self, number: int, hop: Hop) -> Dialog:
        """Return the dialog after a request of the peer."""
        if number == self.remote_cseq and hop == self.hop:
            return self
        return replace(self, remote_cseq=number, hop=hop)

    def refreshed(self, request: Request) -> Dialog:
        """Return the dialog with the Contact of a target refresh request (section 12.2.2)."""
        return _with_target(self, request)

    def without_connection(self) -> Dialog:
        """Return the dialog after the peer's connection was lost."""
        return replace(self, hop=replace(self.hop, connection=0))

    def next_request(self) -> Dialog:
        """Return the dialog with the CSeq number of our next request."""
        return replace(self, local_cseq=self.local_cseq + 1)


def dialog_of_callee(request: Request, local_tag: str, hop: Hop) -> Dialog:
    """Return the dialog that an INVITE to us opens (section 12.1.1).

    Raises RemoteProtocolError(400) if the Contact is missing (only RFC 2543 callers may leave it out), or if it or a
    Record-Route is not a SIP URI.
    """
    contacts = request.contacts
    if contacts:
        target = contacts[0].uri
    elif has_magic_branch(request.via.branch):
        raise RemoteProtocolError(400, "Missing Contact", request)
    else:
        target = request.from_.uri
    if target.scheme not in ("sip", "sips"):
        raise RemoteProtocolError(400, "Contact Is Not A SIP URI", request)
    if any(route.uri.scheme not in ("sip", "sips") for route in request.record_routes):
        raise RemoteProtocolError(400, "Record-Route Is Not A SIP URI", request)
    headers = request.headers
    return Dialog(
        call_id=request.call_id,
        local_tag=local_tag,
        remote_tag=request.from_.tag or "",
        local_party=f"{headers.get('to')};tag={local_tag}",
        remote_party=headers.get("from") or "",
        local_cseq=0,
        remote_cseq=request.cseq.number,
        route_set=tuple(f"<{route.uri}>" for route in request.record_routes),
        remote_target=str(target),
        secure=request.uri.scheme == "sips" and hop.transport == "TLS",
        owns_call_id=False,
        hop=hop,
    )


def dialog_to_open(
    uri: str,
    local_tag: str,
    hop: Hop,
    *,
    from_: str,
    to: str | None,
    call_id: str,
    routes: Iterable[str],
) -> tuple[Dialog, str]:
    """Return what an INVITE of ours is sent with: a dialog without a peer; and the user part of its From.

    Raises LocalProtocolError if one of the addresses is none, or if `uri` is no SIP URI.
    """
    try:
        target = parse_uri(uri)
        party = parse_name_addr(from_)
        to = to or f"<{party_uri(target)}>"
        parse_name_addr(to)
        route_set = tuple(f"<{route.uri}>" for route in parse_name_addr_list(routes))
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"cannot call {uri[:60]!r}: {error.reason}") from None
    if target.scheme not in ("sip", "sips"):
        raise LocalProtocolError(f"cannot call {uri[:60]!r}: not a SIP URI")
    if target.scheme == "sips" and hop.transport != "TLS":
        raise LocalProtocolError(f"cannot call {uri[:60]!r} over {hop.transport}: sips wants TLS")
    dialog = Dialog(
        call_id=call_id,
        local_tag=local_tag,
        remote_tag="",
        local_party=f"{from_ if '<' in from_ else f'<{from_}>'};tag={local_tag}",
        remote_party=to,
        local_cseq=0,
        remote_cseq=-1,
        route_set=route_set,
        remote_target=uri,
        secure=target.scheme == "sips" and hop.transport == "TLS",
        owns_call_id=True,
        hop=hop,
    )
    return dialog, party.uri.user or ""


def dialog_of_caller(invite: Dialog, response: Response, hop: Hop) -> Dialog:
    """Return the dialog that a response with a To tag opens (section 12.1.2).

    `invite` is what our INVITE was sent with: no remote tag, and the Request-URI as the target, which stays it where
    the response has no Contact, as the 180 of many a phone. Raises RemoteProtocolError for unreadable routes.
    """
    early = replace(
        invite,
        remote_tag=response.to.tag or "",
        remote_party=response.headers.get("to") or "",
        route_set=tuple(f"<{route.uri}>" for route in reversed(response.record_routes)),
        hop=hop,
    )
    return _with_target(early, response)


def refreshed_by_answer(dialog: Dialog, response: Response) -> Dialog:
    """Return the dialog with the Contact of a 2xx to our re-INVITE (section 12.2.1.2). Raises RemoteProtocolError."""
    return _with_target(dialog, response)


def _with_target(dialog: Dialog, message: Request | Response) -> Dialog:
    contacts = message.contacts
    if contacts and contacts[0].uri.scheme in ("sip", "sips"):
        return replace(dialog, remote_target=str(contacts[0].uri))
    return dialog


def is_sips(uri: str) -> bool:
    """Return whether a URI asks for TLS all the way (section 26.2.2)."""
    return uri[:5].lower() == "sips:"


@lru_cache(maxsize=256)
def cached_uri(text: str) -> Uri:
    """Parse a URI that was parsed before, as part of a message."""
    return parse_uri(text)


def _bare(route: str) -> str:
    return route.removeprefix("<").removesuffix(">")


def _request_uri(uri: Uri) -> Uri:
    """Return a route's URI without what a Request-URI must not have (section 19.1.1, table 1)."""
    return replace(uri, headers=(), params=tuple(pair for pair in uri.params if pair[0].lower() != "method"))
