"""Which phones want a sign of life now, so that the NATs in front of them stay open.

A NAT forgets a way that nobody used for half a minute (UDP; RFC 4787 section 4.3) or some minutes (streams). Over UDP
the phone has to send as well, since some NATs count only what comes from inside: it gets an OPTIONS, which it
answers. On a stream a CRLF does (RFC 5626 section 4.4.1). Names phones only; whoever owns the sockets sends, and tells
whether an OPTIONS was answered: phones behind a way that stays silent are marked as doubtful in the locations.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from voipbin_sip.registrar.contact import Contact, LocationEvent, Registered
from voipbin_sip.registrar.locations import Locations
from voipbin_sip.sip.events import Hop

_BindingKey: TypeAlias = tuple[str, str]  # extension, URI

MISSES = 3  # OPTIONS in a row without an answer until a phone is doubtful


@dataclass(frozen=True, slots=True)
class Ping:
    """One sign of life to send to `contact.hop`."""

    extension: str
    contact: Contact
    how: Literal["OPTIONS", "CRLF"]


@dataclass(slots=True, eq=False)
class _Way:
    """One way through a NAT, and the bindings that use it."""

    due: float
    missed: int = 0  # OPTIONS in a row without an answer
    bindings: dict[_BindingKey, Contact] = field(default_factory=dict)


class Keepalive:
    """Each way is named once in `interval` seconds, counted from the last REGISTER or sign of life.

    Make it after the locations are restored: what is there already is spread evenly over the first interval. Times
    are seconds since 1970, as in `Locations`.
    """

    def __init__(self, locations: Locations, interval: float, now: float) -> None:
        self._locations = locations
        self._interval = interval
        self._ways: dict[Hop, _Way] = {}
        self._heap: list[tuple[float, int, Hop, _Way]] = []
        self._order = itertools.count()
        if interval <= 0:
            return
        for index, (extension, contact) in enumerate(locations):
            self._use(extension, contact, now + interval * (index + 1) / len(locations))
        locations.subscribe(self._on_change)

    def deadline(self) -> float | None:
        """Return when `due` has something next, None if nobody needs anything."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, most: int = 50) -> list[Ping]:
        """Return who wants a sign of life now, at most so many; the others at the next call."""
        pings: list[Ping] = []
        while self._heap and self._heap[0][0] <= now and len(pings) < most:
            _, _, hop, way = heapq.heappop(self._heap)
            if self._ways.get(hop) is not way:
                continue
            if way.due <= now:
                (extension, _), contact = next(iter(way.bindings.items()))
                pings.append(Ping(extension, contact, "OPTIONS" if hop.transport == "UDP" else "CRLF"))
                way.due = now + self._interval
            self._push(hop, way)
        return pings

    def answered(self, hop: Hop, yes: bool) -> None:
        """Note that the OPTIONS sent to a hop was answered, in whatever way, or that no answer came in time."""
        way = self._ways.get(hop)
        if way is None:
            return
        way.missed = 0 if yes else way.missed + 1
        if yes or way.missed == MISSES:
            for (extension, _), contact in way.bindings.items():
                self._locations.doubt(extension, contact, not yes)

    def _on_change(self, event: LocationEvent) -> None:
        if isinstance(event, Registered):
            if event.old is not None:
                self._leave(event.extension, event.old)
            self._use(event.extension, event.contact, event.contact.updated_at + self._interval)
        else:
            self._leave(event.extension, event.contact)

    def _use(self, extension: str, contact: Contact, due: float) -> None:
        if not contact.behind_nat:
            return
        way = self._ways.get(contact.hop)
        if way is None:
            way = self._ways[contact.hop] = _Way(due)
            self._push(contact.hop, way)
        way.due = max(way.due, due)
        way.missed = 0
        way.bindings[extension, contact.uri] = contact

    def _leave(self, extension: str, contact: Contact) -> None:
        way = self._ways.get(contact.hop)
        if way is not None:
            way.bindings.pop((extension, contact.uri), None)
            if not way.bindings:
                del self._ways[contact.hop]

    def _push(self, hop: Hop, way: _Way) -> None:
        heapq.heappush(self._heap, (way.due, next(self._order), hop, way))
