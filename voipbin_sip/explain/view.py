"""What is looked at to explain calls: the parts of a running server, or what its files make without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from flows import FlowSet
from voipbin_sip.calls.destinations import Destinations
from voipbin_sip.calls.dialplan import DialPlan
from voipbin_sip.calls.routing import Carriers, Routing
from voipbin_sip.carriers import ProviderState
from voipbin_sip.config import Config
from voipbin_sip.directory import Directory
from voipbin_sip.explain.places import Places, SettingPlaces
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.transport.limits import Standing
from voipbin_sip.transport.resolver import Resolver


@dataclass(frozen=True)
class View:
    """One look: all of it is as it is now.

    Attributes:
        standing: how a source address stands with the server's protection.
        carrier_at: the provider that we have found at an address because we are registered there.
        now: monotonic seconds of the toll guard's clock.
        live: a server runs; else nothing is known of phones, providers and counters.
    """

    config: Config
    directory: Directory
    flows: FlowSet
    places: Places
    settings: SettingPlaces
    toll: TollGuard
    resolver: Resolver
    locations: Locations
    carriers: Carriers
    state: Callable[[str], ProviderState | None]
    standing: Callable[[str], Standing]
    carrier_at: Callable[[str, str], str | None]
    now: float
    live: bool

    @cached_property
    def domain(self) -> str:
        """Ours, in lower case."""
        return self.config.domain.lower()

    @cached_property
    def plan(self) -> DialPlan:
        """What dialled addresses mean."""
        own = self.config.outbound.default_outgoing_source_number
        return DialPlan(self.domain, lambda: self.directory, own=own)

    @cached_property
    def routing(self) -> Routing:
        """Which providers take a number."""
        return Routing(lambda: self.directory, self.carriers)

    @cached_property
    def destinations(self) -> Destinations:
        """Where addresses lead; asked for `ways` only, which needs no sockets."""
        return Destinations(
            lambda: self.directory,
            self.locations,
            self.resolver,
            self.routing,
            domain=self.config.domain,
            check=self.toll.check,
            local=_no_socket,
            number=self.config.outbound.default_outgoing_source_number,
            meaning=self.plan.meaning,
        )


def _no_socket(transport: str, host: str) -> tuple[str, int]:
    raise LookupError("nothing is sent")
