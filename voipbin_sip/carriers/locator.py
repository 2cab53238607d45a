"""Where providers' servers are, for those who cannot wait: asked again and again until DNS has told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from voipbin_sip.sip.next_hop import is_address
from voipbin_sip.sip.uri import Uri
from voipbin_sip.tasks import over
from voipbin_sip.transport.bounded import Bounded
from voipbin_sip.transport.resolver import Place, ResolveError, Resolver

FRESH = 30.0  # seconds that an answer is used as it is; the DNS cache behind it keeps to times to live
RETRY = 5.0  # seconds until a failure is looked up again


@dataclass(slots=True)
class _Found:
    places: list[Place]
    why: str  # there are none
    at: float


class Locator:
    """One look-up at a time for each URI; a slow DNS server delays only what asked it."""

    def __init__(self, resolver: Resolver, clock: Callable[[], float], woken: Callable[[], None]) -> None:
        """`woken` is called when an answer has come that is news."""
        self._resolver = resolver
        self._clock = clock
        self._woken = woken
        self._found: Bounded[str, _Found] = Bounded(1000)  # redirections are among them
        self._looking: dict[str, asyncio.Task[None]] = {}

    def places(self, uri: Uri) -> list[Place] | None:
        """Return the servers of a URI, the best first; None: ask again later. Raises ResolveError."""
        key = str(uri)
        found = self._found.get(key)
        age = float("inf") if found is None else self._clock() - found.at
        fixed = found is not None and is_address(uri.host)
        if not fixed and age > (FRESH if found and found.places else RETRY) and key not in self._looking:
            self._looking[key] = asyncio.get_running_loop().create_task(self._look_up(key, uri))
        if found is None:
            return None
        if not found.places:
            raise ResolveError(found.why)
        return self._resolver.in_order(found.places)

    def known(self, uri: Uri) -> Iterable[Place]:
        """Return the servers of a URI as far as they are known now."""
        found = self._found.get(str(uri))
        return () if found is None else found.places

    @property
    def busy(self) -> bool:
        """Whether something is being looked up."""
        return bool(self._looking)

    async def close(self) -> None:
        """Give up all look-ups."""
        await over(*self._looking.values())

    async def _look_up(self, key: str, uri: Uri) -> None:
        try:
            found = _Found(await self._resolver.resolve(uri), "", self._clock())
        except ResolveError as error:
            found = _Found([], str(error), self._clock())
        finally:
            del self._looking[key]
        before = self._found.get(key)
        if found.places or before is None or not before.places:
            self._found[key] = found
        else:  # what is known already is better than nothing
            before.at = found.at
            return
        if before is None or set(before.places) != set(found.places):
            self._woken()
