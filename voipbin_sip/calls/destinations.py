"""Turns a flow's addresses into places that an INVITE can go to, and keeps calls from leaving unasked.

Nothing outside is dialled that `outbound.allow` does not name; registered extensions are always within reach.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voipbin_sip.calls.call import Address
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.directory import Directory
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.uri import parse_uri
from voipbin_sip.transport.resolver import Place, ResolveError, Resolver


class NotReachable(Exception):  # noqa: N818 - reads as what happened
    """Nobody can be called at an address; the message says why, `result` in one of the words of `connect`."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result = result


class Destinations:
    """Looks addresses up.

    Args:
        allow: SIP hosts that may be dialled (`outbound.allow`).
        local: our address and port for a transport and a peer's address; raises LookupError.
    """

    def __init__(
        self,
        directory: Callable[[], Directory],
        locations: Locations,
        resolver: Resolver,
        *,
        allow: Sequence[str],
        local: Callable[[str, str], tuple[str, int]],
    ) -> None:
        self._directory = directory
        self._locations = locations
        self._resolver = resolver
        self._allow = frozenset(host.lower() for host in allow)
        self._local = local

    async def targets(self, address: Address) -> list[Target]:
        """Return where to send INVITEs for an address. Raises NotReachable."""
        if address.type == "extension":
            return self._phones(address)
        if address.type == "sip":
            return [await self.target(address.target)]
        raise NotReachable("unreachable", f"there is no trunk for {address.type} destinations")

    async def target(self, text: str) -> Target:
        """Return the way to a SIP address that `outbound.allow` names; also asked for redirections."""
        try:
            uri = parse_uri(text if text.startswith(("sip:", "sips:")) else f"sip:{text}")
        except RemoteProtocolError as error:
            raise NotReachable("failed", f"{text} is no SIP address") from error
        host = (uri.host or "").lower()
        if host not in self._allow:
            raise NotReachable("refused", f"outbound.allow does not name {host}")
        try:
            places = await self._resolver.resolve(uri)
        except ResolveError as error:
            raise NotReachable("unreachable", str(error)) from error
        hops = [hop for hop in map(self._hop, places) if hop is not None]
        if not hops:
            raise NotReachable("unreachable", f"no socket of ours reaches {host}")
        return Target(hops[0], str(uri), others=tuple(hops[1:]))

    def _phones(self, address: Address) -> list[Target]:
        # VoIPBIN's clients give a UUID as the target and the extension's name as target_name.
        known = self._directory().extensions
        extension = address.target if address.target in known else address.target_name
        if extension not in known:
            raise NotReachable("unreachable", f"there is no extension {address.target or extension}")
        contacts = self._locations.contacts(extension)
        if not contacts:
            raise NotReachable("unreachable", f"no phone is registered for extension {extension}")
        return [Target(contact.hop, contact.uri, contact.path, transfers=True) for contact in contacts]

    def _hop(self, place: Place) -> Hop | None:
        try:
            return place.hop(self._local(place.transport, place.host))
        except LookupError:
            return None
