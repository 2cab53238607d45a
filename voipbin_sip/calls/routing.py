"""Which providers a number goes out by, in which order, and what each is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from voipbin_sip.calls.call import Address, Originator
from voipbin_sip.calls.caller_id import shown_to_carrier
from voipbin_sip.calls.numbering import rewritten
from voipbin_sip.calls.outgoing import Target
from voipbin_sip.directory import Directory, ProviderEntry, RouteEntry
from voipbin_sip.sip.uri import Uri


class Carriers(Protocol):
    """How providers are at run time."""

    def usable(self, provider_id: str) -> bool:
        """Return whether a call by way of a provider may well succeed."""
        ...

    def route(self, provider_id: str) -> tuple[str, ...]:
        """Return the Route values that calls by way of a provider carry (Service-Route, RFC 3608)."""
        ...

    def server_at(self, host: str) -> str | None:
        """Return the provider that takes calls at an address, None if nobody does."""
        ...

    def failed(self, provider_id: str) -> None:
        """Note that nobody answered a call placed by way of a provider."""
        ...

    def answered(self, provider_id: str) -> None:
        """Note that somebody answered a call placed by way of a provider, be it with a refusal."""
        ...


class NobodyKnows:
    """Carriers of which nothing is known."""

    def usable(self, provider_id: str) -> bool:
        """Return that it may."""
        return True

    def route(self, provider_id: str) -> tuple[str, ...]:
        """Return none."""
        return ()

    def server_at(self, host: str) -> str | None:
        """Return that nobody does."""
        return None

    def failed(self, provider_id: str) -> None:
        """Note nothing."""

    def answered(self, provider_id: str) -> None:
        """Note nothing."""


@dataclass(frozen=True, slots=True)
class Way:
    """A provider that takes a number, and the route that says so."""

    provider: ProviderEntry
    route: RouteEntry
    rank: int  # of the route in the directory
    usable: bool  # as far as is known


class Routing:
    """Routes of the directory, read anew for each call."""

    def __init__(self, directory: Callable[[], Directory], carriers: Carriers) -> None:
        self._directory = directory
        self.carriers = carriers

    def providers(self, number: str) -> list[ProviderEntry]:
        """Return the providers for an E.164 number in the order to try them, each once."""
        return [way.provider for way in self.ways(number)]

    def ways(self, number: str) -> list[Way]:
        """Return the ways for an E.164 number in the order to try them, each provider once.

        The longest target that fits goes first, then the lowest priority, then the order of the file; providers
        that do not work at present come after all others.
        """
        directory = self._directory()
        fitting = [(rank, route) for rank, route in enumerate(directory.routes) if route.fits(number)]
        fitting.sort(key=lambda ranked: (-_length(ranked[1]), ranked[1].priority))
        ways: dict[str, Way] = {}
        for rank, route in fitting:
            name = route.provider_id
            if name in directory.providers and name not in ways:
                ways[name] = Way(directory.providers[name], route, rank, self.carriers.usable(name))
        return sorted(ways.values(), key=lambda way: not way.usable)

    def target(self, provider: ProviderEntry, number: str, originator: Originator, caller: str) -> Target:
        """Return the call to an E.164 number by way of a provider; `caller` is the number of ours that it shows."""
        dialled = rewritten(number, provider.rewrite_out)
        transport = (("transport", provider.transport),)
        shown = shown_to_carrier(originator, caller, provider)
        host, port = provider.host, provider.port
        route = self.carriers.route(provider.id)
        user = provider.tech_prefix + dialled + provider.tech_postfix
        return Target(
            str(Uri("sip", user=user, host=host, port=port, params=transport)),
            from_=shown.from_,
            route=route,
            headers=(*shown.headers, *provider.tech_headers.items()),
            credentials=self._directory().credentials(provider.id),
            codecs=provider.codecs,
            srtp=provider.srtp,
            outside=Address("tel", number),
            provider=provider.id,
            transfers=provider.transfers,
        )


def _length(route: RouteEntry) -> int:
    return 0 if route.target == "all" else len(route.target)
