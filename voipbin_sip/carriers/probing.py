"""Whether a provider is there: OPTIONS now and then, and what calls and registrations tell (RFC 3261 section 11).

Any answer at all is a sign of life. A probe without one is followed by the next at once, to another server of the
provider if it has several, and two in a row (or as many as there are servers) make it unhealthy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from voipbin_sip.carriers.backoff import spread
from voipbin_sip.carriers.line import Line
from voipbin_sip.carriers.provider import Health, Provider
from voipbin_sip.sip.errors import SipError
from voipbin_sip.sip.events import Response
from voipbin_sip.transport.resolver import Place, ResolveError

PATIENCE = 4.0  # seconds: a request over UDP was sent four times by then
MISSES = 2
FIRST = 2.0  # seconds after the start in which all providers are asked
FORGETTING = 60.0  # seconds after which bad news is forgotten where nothing is asked
ADVICE = "check hostname, transport and firewall; one that never answers OPTIONS wants probe: 0"


class Probing:
    """Signs of life of one provider. `tick` is called a few times a second."""

    def __init__(self, provider: Provider, line: Line, *, changed: Callable[[], None]) -> None:
        self._provider = provider
        self._line = line
        self._changed = changed
        self._log = structlog.get_logger("providers").bind(provider=provider.id)
        self._due = line.now() + line.chance.uniform(0.0, min(FIRST, provider.probe))
        self._patience = min(PATIENCE, provider.probe)
        self._deadline: float | None = None  # of the probe that is under way
        self._place: Place | None = None
        self._servers = 1
        self._misses = 0
        self._last_miss = 0.0
        self.health = Health.UNKNOWN
        self.checked_at: float | None = None  # wall clock

    @property
    def due(self) -> float:
        """When `tick` has something to do (monotonic); not precise where nothing is asked."""
        if self._provider.probe <= 0:
            return float("inf")
        return self._due if self._deadline is None else self._deadline

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._provider.probe <= 0:
            if self.health is Health.UNHEALTHY and now - self._last_miss > FORGETTING:
                self._misses = 0
                self._become(Health.UNKNOWN)
            return
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            if self._place is not None:
                self._line.failed(self._place)
            self.missed()
        if self._deadline is None and now >= self._due:
            self._ask(now)

    def heard(self) -> None:
        """Take note of a sign of life."""
        self._misses = 0
        self.checked_at = self._line.wall()
        self._become(Health.HEALTHY)

    def missed(self) -> None:
        """Take note of silence: a probe, a registration or a call that nobody answered."""
        now = self._line.now()
        self._misses += 1
        self._last_miss = now
        self.checked_at = self._line.wall()
        if self._misses >= max(MISSES, self._servers):
            self._become(Health.UNHEALTHY)
        elif self._provider.probe > 0:
            self._due = min(self._due, now)

    def _ask(self, now: float) -> None:
        provider, line = self._provider, self._line
        try:
            places = line.locator.places(provider.server)
            if places is None:
                return  # DNS has not told yet
            self._due = now + spread(provider.probe, line.chance)
            self._servers = len(places)
            line.ask(
                "OPTIONS",
                line.hop(places[0]),
                partial(self._answered, places[0]),
                uri=str(provider.uri),
                from_=f"<sip:{line.domain}>",
                headers=(("Accept", "application/sdp"),),
            )
        except (ResolveError, LookupError, SipError):
            self._due = now + spread(provider.probe, line.chance)
            self.missed()
            return
        self._place, self._deadline = places[0], now + self._patience

    def _answered(self, place: Place, event: Response) -> None:
        there = len(event.headers) > 0
        if there:
            self._deadline = None
            self._line.worked(place)
            self.heard()
        elif self._deadline is not None and place == self._place and event.status == 503:
            self._deadline = self._line.now()  # there is no connection: no need to wait

    def _become(self, health: Health) -> None:
        if health is self.health:
            return
        before, self.health = self.health, health
        if health is Health.UNHEALTHY:
            self._log.warning("provider does not answer", server=self._provider.host, advice=ADVICE)
        elif before is Health.UNHEALTHY:
            self._log.info(
                "provider answers again" if health is Health.HEALTHY else "provider is tried again"
            )
        self._changed()
