"""Turns a flow's addresses into places that an INVITE can go to, and keeps calls from leaving unasked.

Registered extensions are always within reach; what lies outside is dialled only if the toll guard allows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.caller_id import shown_elsewhere, shown_inside, shown_number
from voipbin_sip.calls.dialplan import Meaning
from voipbin_sip.calls.numbering import home_region, international
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.calls.routing import Routing
from voipbin_sip.directory import Directory
from voipbin_sip.logs import concerned
from voipbin_sip.masking import masked
from voipbin_sip.registrar.contact import Contact
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.errors import RemoteProtocolError
from voipbin_sip.sip.events import Hop
from voipbin_sip.sip.name_addr import parse_name_addr
from voipbin_sip.sip.uri import Uri, parse_uri
from voipbin_sip.toll.refused import Refused
from voipbin_sip.transport.resolver import Place, ResolveError, Resolver


class NotReachable(Exception):  # noqa: N818 - reads as what happened
    """Nobody can be called at an address; the message says why.

    `result` is one of the words of `connect`, `status` what a caller is told who has nothing but SIP.
    """

    def __init__(self, result: str, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.result = result
        self.status = status or (403 if result == "refused" else 480)


def _nothing(uri: Uri) -> None:
    """Understand no address."""


class Destinations:
    """Looks addresses up.

    Args:
        check: raises toll.Refused for an address outside that may not be called.
        local: our address and port for a transport and a peer's address; raises LookupError.
        meaning: says what an address means that a phone dials.
        number: of ours, in E.164, shown by callers outside who have none (`outbound.default_outgoing_source_number`).
    """

    def __init__(
        self,
        directory: Callable[[], Directory],
        locations: Locations,
        resolver: Resolver,
        routing: Routing,
        *,
        domain: str,
        check: Callable[[Address], None],
        local: Callable[[str, str], tuple[str, int]],
        number: str = "",
        meaning: Callable[[Uri], Meaning | None] = _nothing,
    ) -> None:
        self._directory = directory
        self._locations = locations
        self._resolver = resolver
        self._routing = routing
        self._domain = domain
        self._check = check
        self._local = local
        self._number = number
        self._meaning = meaning
        self._home = home_region(number) if number else ""
        self._log = structlog.get_logger("calls")

    async def targets(self, address: Address, originator: Originator) -> list[Target]:
        """Return where to send INVITEs for an address, all at once. Raises NotReachable."""
        if address.type == "agent" and originator.max_forwards >= 0:
            return await self._agent(address, originator)
        return [await self._on_the_way(target) for target in self.ways(address, originator)]

    def ways(self, address: Address, originator: Originator) -> list[Target]:
        """Return the same without asking DNS: SIP addresses have no hops yet. Raises NotReachable."""
        if originator.max_forwards < 0:
            raise NotReachable("failed", "the call has been passed on too often", 483)
        if address.type == "extension":
            return self._phones(address, originator)
        if address.type == "sip":
            return [self._elsewhere(address.target, originator)]
        if address.type == "tel":
            return [self._by_provider(address, originator)]
        raise NotReachable("unreachable", f"an address of type {address.type} cannot be called", 404)

    async def _on_the_way(self, target: Target) -> Target:
        """Look up where a SIP address leads; what goes to phones and providers has its own time for that."""
        if target.hops or target.provider:
            return target
        return replace(target, hops=await self._hops(parse_uri(target.uri)))

    async def target(self, text: str, originator: Originator) -> Target:
        """Return the way to a SIP address elsewhere; also asked for redirections. Raises NotReachable."""
        return await self._on_the_way(self._elsewhere(text, originator))

    def _elsewhere(self, text: str, originator: Originator) -> Target:
        try:
            uri = parse_uri(text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}")
        except RemoteProtocolError as error:
            raise NotReachable("failed", f"{masked(text)} is no SIP address", 404) from error
        outside = Address("sip", str(uri))
        self._allow(outside)
        shown = shown_elsewhere(originator, self._domain)
        return Target(
            str(uri),
            from_=shown.from_,
            headers=shown.headers,
            codecs=self._directory().sip_codecs,
            outside=outside,
        )

    async def forwarded(self, text: str, originator: Originator, extension: str) -> list[Target]:
        """Return the ways, one after the other, to where a phone of ours forwards a call. Raises NotReachable.

        It may name what it could dial itself; its extension answers for the cost. As in what phones dial, every
        address means us, but those that `outbound.allow` names.
        """
        try:
            uri = parse_uri(text)
        except RemoteProtocolError as error:
            raise NotReachable("failed", f"{masked(text)} is no SIP address", 404) from error
        meaning = self._meaning(uri)
        if meaning is not None and meaning.connect is None:
            raise NotReachable("failed", "calls are forwarded to people, not to flows and conferences", 404)
        if meaning is None or meaning.connect is None or self._names(uri):
            return [replace(await self.target(text, originator), payer=f"extension:{extension}")]
        ways = await self.targets(meaning.connect, originator)
        return [
            replace(way, payer=f"extension:{extension}", onward=())
            for first in ways
            for way in (first, *first.onward)
        ]

    def _names(self, uri: Uri) -> bool:
        """Tell whether a SIP address may be called as it stands."""
        try:
            self._check(Address("sip", str(uri)))
        except Refused:
            return False
        return True

    async def hops(self, target: Target) -> tuple[Hop, ...]:
        """Return the ways to a target, the best one first. Raises NotReachable."""
        if target.hops:
            return target.hops
        return await self._hops(
            parse_name_addr(target.route[0]).uri if target.route else parse_uri(target.uri)
        )

    def failed(self, target: Target, hop: Hop) -> None:
        """Note that a server did not answer: others are tried before it for a while."""
        if target.provider:
            self._resolver.failed(Place(hop.transport, *hop.remote))
            self._routing.carriers.failed(target.provider)

    def answered(self, target: Target) -> None:
        """Note that a server has answered."""
        if target.provider:
            self._routing.carriers.answered(target.provider)

    def _phones(self, address: Address, originator: Originator) -> list[Target]:
        # VoIPBIN's clients give a UUID as the target and the extension's name as target_name.
        directory = self._directory()
        known = directory.extensions
        extension = directory.extension_ids.get(address.target, address.target)
        extension = extension if extension in known else address.target_name
        if extension not in known:
            raise NotReachable(
                "unreachable", f"there is no extension {masked(address.target or extension)}", 404
            )
        contacts = [
            contact for contact in self._locations.contacts(extension) if not self._is_carrier(contact)
        ]
        if not contacts:
            raise NotReachable("unreachable", f"no phone is registered for extension {extension}")
        shown = shown_inside(originator, self._domain)
        return [
            Target(
                contact.uri,
                (contact.hop,),
                from_=shown.from_,
                route=contact.path,
                doubtful=contact.doubtful,
                extension=extension,
                transfers=True,
            )
            for contact in contacts
        ]

    async def _agent(self, address: Address, originator: Originator) -> list[Target]:
        """Return all that an agent can be reached at; what cannot be called is passed over if anything can."""
        addresses = self._directory().agents.get(address.target)
        if addresses is None:
            raise NotReachable("unreachable", f"there is no agent {address.target}", 404)
        targets: list[Target] = []
        problem = NotReachable("unreachable", f"the agent {address.target} has no address")
        for reach in addresses:
            if reach.type == "agent":  # of another one: no chains
                continue
            try:
                targets += await self.targets(Address(reach.type, reach.target), originator)
            except NotReachable as error:
                problem = error
        if not targets:
            raise problem
        return targets

    def _is_carrier(self, contact: Contact) -> bool:
        """Tell a phone from a carrier, which may take any call that comes from our address.

        A REGISTER with a Path leads elsewhere than where it comes from. Who has an extension's password could so
        have calls to the extension end at a number of his choice, past the toll guard.
        """
        host = contact.hop.remote[0]
        provider = self._routing.carriers.server_at(host) if host != contact.source[0] else None
        if provider is None:
            return False
        why = "a phone registered at a provider's address is not called"
        self._log.warning(why, provider=provider, **concerned())
        return True

    def _by_provider(self, address: Address, originator: Originator) -> Target:
        number = international(address.target, self._home)
        if not number:
            raise NotReachable("failed", f"{masked(address.target)} is no telephone number", 404)
        self._allow(Address("tel", number))
        providers = self._routing.providers(number)
        if not providers:
            raise NotReachable("unreachable", f"no route leads to {masked(number)}", 404)
        directory = self._directory()
        caller = shown_number(originator, directory.numbers, directory.default_number or self._number)
        providers = [provider for provider in providers if caller or provider.caller_id.number]
        if not providers:
            why = f"the caller id {masked(originator.address.target)} is not ours"
            raise NotReachable("refused", f"{why}, and there is no outbound.default_outgoing_source_number")
        ways = [self._routing.target(provider, number, originator, caller) for provider in providers]
        return ways[0].before(ways[1:])

    def _allow(self, address: Address) -> None:
        try:
            self._check(address)
        except Refused as error:
            raise NotReachable(error.result, str(error)) from error

    async def _hops(self, uri: Uri) -> tuple[Hop, ...]:
        try:
            places = await self._resolver.resolve(uri)
        except ResolveError as error:
            raise NotReachable("unreachable", str(error)) from error
        hops = tuple(hop for hop in map(self._hop, places) if hop is not None)
        if not hops:
            raise NotReachable("unreachable", f"no socket of ours reaches {uri.host}")
        return hops

    def _hop(self, place: Place) -> Hop | None:
        try:
            return place.hop(self._local(place.transport, place.host))
        except LookupError:
            return None
