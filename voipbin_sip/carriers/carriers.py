"""All providers at run time: one task that keeps registrations and health fresh, and what routing asks."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime

from voipbin_sip.carriers.line import Line
from voipbin_sip.carriers.probing import Probing
from voipbin_sip.carriers.provider import Health, Provider, ProviderState, Registered
from voipbin_sip.carriers.registration import Registration
from voipbin_sip.tasks import over
from voipbin_sip.transport.resolver import ResolveError

PERIOD = 0.5  # seconds between two looks at the clock, at most
SHORTEST = 0.05  # and at least, where DNS is waited for
GOODBYE = 1.0  # seconds that we wait at the end for the answers to our de-registrations


class _Carrier:
    """One provider."""

    def __init__(self, provider: Provider, line: Line, carriers: Carriers) -> None:
        self.provider = provider
        self.probing = Probing(provider, line, changed=_nothing)
        self.registration: Registration | None = None
        if provider.register > 0:
            self.registration = Registration(provider, line, heard=self._heard, changed=carriers.news)

    @property
    def due(self) -> float:
        due = self.probing.due
        return due if self.registration is None else min(due, self.registration.due)

    def tick(self, now: float) -> None:
        self.probing.tick(now)
        if self.registration is not None:
            self.registration.tick(now)

    def _heard(self, there: bool) -> None:
        if there:
            self.probing.heard()
        else:
            self.probing.missed()


class Carriers:
    """The providers. `use` names them, `start` begins, and from then on everything is answered from memory."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._carriers: dict[str, _Carrier] = {}
        self._leaving: list[Registration] = []
        self._sources: (
            dict[str, tuple[str, ...]] | None
        ) = {}  # provider ids by address; None = to be made anew
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        line.woken = self.news

    # What routing asks

    def usable(self, provider_id: str) -> bool:
        """Return whether a call by way of a provider may well succeed; an unknown one is not usable."""
        carrier = self._carriers.get(provider_id)
        if carrier is None or carrier.probing.health is Health.UNHEALTHY:
            return False
        return carrier.registration is None or carrier.registration.state is not Registered.FAILED

    def failed(self, provider_id: str) -> None:
        """Note that nobody answered a call placed by way of a provider."""
        if carrier := self._carriers.get(provider_id):
            carrier.probing.missed()
            self._wake.set()

    def answered(self, provider_id: str) -> None:
        """Note that somebody answered a call placed by way of a provider, be it with a refusal."""
        if carrier := self._carriers.get(provider_id):
            carrier.probing.heard()

    def route(self, provider_id: str) -> tuple[str, ...]:
        """Return the Route values that calls by way of a provider carry (Service-Route, RFC 3608)."""
        carrier = self._carriers.get(provider_id)
        return () if carrier is None or carrier.registration is None else carrier.registration.route

    def sources(self, provider_id: str) -> frozenset[str]:
        """Return the addresses from which calls of a provider come because we are registered there.

        They are those of its registrar and of all its servers; without a registration there are none.
        """
        carrier = self._carriers.get(provider_id)
        if carrier is None or carrier.registration is None or not carrier.registration.holds:
            return frozenset()
        servers = self._line.locator.known(carrier.provider.server)
        return frozenset({carrier.registration.answered_from, *(_plain(place.host) for place in servers)})

    def is_source(self, host: str, user: str = "") -> str | None:
        """Return the provider whose calls come from an address, None if it is nobody's.

        Where several accounts are registered with one carrier, `user`, the user part of the Request-URI, tells them
        apart: it is the one of our Contact (`contact_user`).
        """
        if self._sources is None:
            self._sources = self._by_source()
        found = self._sources.get(host)
        if found is None:
            return None
        return next((name for name in found if self.contact_user(name) == user), found[0])

    def server_at(self, host: str) -> str | None:
        """Return the provider that takes calls at an address, None if nobody does, or if DNS has not told yet."""
        for name, carrier in self._carriers.items():
            with contextlib.suppress(ResolveError):
                places = self._line.locator.places(carrier.provider.server) or ()
                if any(_plain(place.host) == host for place in places):
                    return name
        return None

    def contact_user(self, provider_id: str) -> str:
        """Return the user part of the Contact that we register: a call to it is for the number in To."""
        carrier = self._carriers.get(provider_id)
        return "" if carrier is None else carrier.provider.contact_user

    def names(self) -> list[str]:
        """Return the providers of now."""
        return [*self._carriers]

    def state(self, provider_id: str) -> ProviderState | None:
        """Return how a provider is, None for an unknown one."""
        carrier = self._carriers.get(provider_id)
        if carrier is None:
            return None
        probing, registration = carrier.probing, carrier.registration
        checked_at = _time(probing.checked_at)
        if registration is None:
            return ProviderState(probing.health, checked_at, Registered.NONE)
        return ProviderState(
            probing.health,
            checked_at,
            registration.state,
            registration.why,
            _time(registration.since),
            _time(registration.expires_at),
        )

    # What keeps it running

    def use(self, providers: Iterable[Provider]) -> None:
        """Take these providers from now on; those that stay as they were keep their state."""
        wanted = {provider.id: provider for provider in providers}
        for name, carrier in list(self._carriers.items()):
            if wanted.get(name) != carrier.provider:
                del self._carriers[name]
                self._leave(carrier)
        for name, provider in wanted.items():
            if name not in self._carriers:
                self._carriers[name] = _Carrier(provider, self._line, self)
        self.news()

    def start(self) -> None:
        """Begin to register and to ask; the sockets are open."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """De-register everywhere, and wait a moment for the answers."""
        await over(self._task)
        for carrier in self._carriers.values():
            self._leave(carrier)
        self._carriers.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                while not all(registration.idle for registration in self._leaving):
                    self._wake.clear()
                    await self._wake.wait()
        await self._line.locator.close()

    def tick(self, now: float) -> None:
        """Do what is due; `now` is monotonic."""
        for carrier in list(self._carriers.values()):
            carrier.tick(now)
        self._leaving = [registration for registration in self._leaving if not registration.idle]

    def connection_lost(self, connection: int) -> None:
        """Note that a stream connection is gone: registrations over it are made anew."""
        now = self._line.now()
        for carrier in self._carriers.values():
            if carrier.registration is not None:
                carrier.registration.connection_lost(now, connection)
        self._wake.set()

    def news(self) -> None:
        """Look at once at what is due: DNS or a registrar has answered, addresses may have changed."""
        self._sources = None
        self._wake.set()

    def _leave(self, carrier: _Carrier) -> None:
        if carrier.registration is not None:
            carrier.registration.leave()
            self._leaving.append(carrier.registration)
        self._sources = None

    def _by_source(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name in self._carriers:
            for host in self.sources(name):
                found[host] = (*found.get(host, ()), name)
        return found

    async def _run(self) -> None:
        while True:
            self.tick(self._line.now())
            self._wake.clear()
            due = min((carrier.due for carrier in self._carriers.values()), default=float("inf"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(PERIOD, max(SHORTEST, due - self._line.now()))):
                    await self._wake.wait()


def _plain(host: str) -> str:
    """Return an address as the sockets write it."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _nothing() -> None:
    """Nobody waits for news of the health."""
