"""A cache in front of DNS: times to live, negative answers (RFC 2308), stale answers in an outage (RFC 8767).

The same question is asked once, however many wait for it. Nobody waits longer than `timeout`; the question goes on
and its answer serves the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voipbin_sip.transport.bounded import Bounded
from voipbin_sip.transport.dns_records import Answer, DnsError, Kind, Lookup

_Question = tuple[str, Kind]


@dataclass(frozen=True, slots=True)
class CacheTerms:
    """Seconds, and the number of answers kept."""

    least: float = 5.0  # even where the time to live is 0: a call asks several times
    most: float = 3600.0
    unsaid: float = 60.0  # where the answer does not tell
    negative_most: float = 300.0
    failure: float = 10.0  # how long a failed question is not asked again
    stale: float = 3600.0  # how long after its end an answer serves while no server gives a new one
    capacity: int = 10_000
    in_flight: int = 1000  # questions at once


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: Answer
    until: float
    known_at: float  # end of the time to live of the answer itself; `until` may be later in an outage


class DnsCache:
    """Implements `Lookup` with a memory. `clock` is monotonic seconds."""

    def __init__(
        self,
        lookup: Lookup,
        *,
        clock: Callable[[], float],
        timeout: float = 3.0,
        terms: CacheTerms | None = None,
    ) -> None:
        self._lookup = lookup
        self._clock = clock
        self._timeout = timeout
        self._terms = terms or CacheTerms()
        self._entries: Bounded[_Question, _Entry] = Bounded(self._terms.capacity)
        self._failures: Bounded[_Question, float] = Bounded(self._terms.capacity)
        self._flights: dict[_Question, asyncio.Task[Answer | DnsError]] = {}

    async def lookup(self, name: str, kind: Kind) -> Answer:
        """Return the records of a name; raises DnsError."""
        question = (name.lower().rstrip("."), kind)
        now = self._clock()
        entry = self._entries.get(question)
        if entry is not None and now < entry.until:
            return entry.answer
        if now < self._failures.get(question, now):
            return self._stale(question, DnsError(f"{name} {kind}: failed a moment ago"))
        flight = self._start(question)
        if flight is None:
            return self._stale(question, DnsError("too many questions at once"))
        done, _ = await asyncio.wait((flight,), timeout=self._timeout)
        result = flight.result() if done else DnsError(f"{name} {kind}: no answer in time")
        if isinstance(result, DnsError):
            return self._stale(question, result)
        return result

    def prefetch(self, name: str, kind: Kind) -> None:
        """Ask a question whose answer will probably be wanted."""
        question = (name.lower().rstrip("."), kind)
        now = self._clock()
        entry = self._entries.get(question)
        if (entry is None or entry.until <= now) and self._failures.get(question, now) <= now:
            self._start(question)

    async def close(self) -> None:
        """Give up what is being asked."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _start(self, question: _Question) -> asyncio.Task[Answer | DnsError] | None:
        """Return the task that asks; None where too many do."""
        flight = self._flights.get(question)
        if flight is None and len(self._flights) < self._terms.in_flight:
            flight = asyncio.get_running_loop().create_task(self._ask(question))
            self._flights[question] = flight
            flight.add_done_callback(lambda _: self._flights.pop(question, None))
        return flight

    async def _ask(self, question: _Question) -> Answer | DnsError:
        try:
            async with asyncio.timeout(2 * self._timeout):
                answer = await self._lookup.lookup(*question)
        except (DnsError, TimeoutError) as error:
            self._failures[question] = self._clock() + self._terms.failure
            return DnsError(str(error))
        self._failures.pop(question, None)
        until = self._clock() + self._lifetime(answer)
        self._entries[question] = _Entry(answer, until, until)
        return answer

    def _lifetime(self, answer: Answer) -> float:
        terms = self._terms
        ttl = terms.unsaid if answer.ttl is None else answer.ttl
        return max(terms.least, min(ttl, terms.most if answer.records else terms.negative_most))

    def _stale(self, question: _Question, failure: DnsError) -> Answer:
        """Return an answer that has run out, since there is no other; raises the failure."""
        entry = self._entries.get(question)
        now = self._clock()
        if entry is None or not entry.answer.records or now > entry.known_at + self._terms.stale:
            raise failure
        self._entries[question] = _Entry(entry.answer, now + self._terms.failure, entry.known_at)
        return entry.answer
