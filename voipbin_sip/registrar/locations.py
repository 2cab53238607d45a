"""The location service: which phones each extension has, in memory (RFC 3261 section 10.3).

The registrar writes it, calls read it, the store listens to it. No clock, no I/O: `tick` is called at `deadline`.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from voipbin_sip.registrar.contact import Contact, LocationEvent, Registered, Unregistered
from voipbin_sip.sip.events import Hop

_SPARE_ENTRIES = 64  # of the heap, before it is worth making it anew


@dataclass(slots=True, eq=False)
class _Binding:
    """A contact in its place; the contact is replaced at every refresh."""

    extension: str
    contact: Contact
    wakes_at: float  # of its entry in the heap
    live: bool = True


class Locations:
    """All bindings. Times are seconds since 1970.

    The heap has one entry for each binding, however often that is refreshed: an entry that comes up early is put
    back at the time that the binding has by then.
    """

    def __init__(self) -> None:
        self._bindings: dict[str, list[_Binding]] = {}
        self._heap: list[tuple[float, int, _Binding]] = []
        self._order = itertools.count()
        self._sources: Counter[str] = Counter()  # hosts
        self._by_connection: defaultdict[int, set[_Binding]] = defaultdict(set)
        self._listeners: list[Callable[[LocationEvent], None]] = []
        self._size = 0

    def __len__(self) -> int:
        """Return the number of bindings."""
        return self._size

    def subscribe(self, listener: Callable[[LocationEvent], None]) -> None:
        """Have a listener told of every change; it must not raise and must not change the locations."""
        self._listeners.append(listener)

    def contacts(self, extension: str) -> list[Contact]:
        """Return the phones of an extension: doubtful ones last, the preferred ones (q), then the latest first."""
        found = [binding.contact for binding in self._bindings.get(extension, ())]
        found.sort(key=lambda contact: (contact.doubtful, -contact.q, -contact.updated_at))
        return found

    def __iter__(self) -> Iterator[tuple[str, Contact]]:
        """Return all bindings, each with its extension."""
        for extension, bindings in self._bindings.items():
            for binding in bindings:
                yield extension, binding.contact

    def has_source(self, host: str) -> bool:
        """Return whether a phone is registered from this address."""
        return host in self._sources

    def put(self, extension: str, contact: Contact, old: Contact | None = None) -> None:
        """Add a binding, or put it in the place of `old`."""
        binding = self._find(extension, old)
        if binding is None:
            self._add(extension, contact)
        else:
            self._unlink(binding)
            binding.contact = contact
            self._link(binding)
            if contact.expires_at < binding.wakes_at:
                self._schedule(binding)
        self._tell(Registered(extension, contact, old if binding is not None else None))

    def remove(self, extension: str, contact: Contact, why: str) -> None:
        """Remove a binding, if it is still there."""
        binding = self._find(extension, contact)
        if binding is None:
            return
        self._take_out(binding)
        self._tell(Unregistered(extension, contact, why))

    def doubt(self, extension: str, contact: Contact, doubtful: bool = True) -> None:
        """Mark a binding as doubtful or not, if it is still there; listeners are not told."""
        binding = self._find(extension, contact)
        if binding is not None and binding.contact.doubtful is not doubtful:
            binding.contact = replace(binding.contact, doubtful=doubtful)

    def forget(self, extension: str) -> None:
        """Remove all bindings of an extension that is no more."""
        for contact in self.contacts(extension):
            self.remove(extension, contact, "extension removed")

    def connection_lost(self, connection: int) -> None:
        """Remove the bindings that only a connection led to, which is gone."""
        for binding in list(self._by_connection.get(connection, ())):
            if binding.contact.only_by_connection:
                self.remove(binding.extension, binding.contact, "connection lost")

    def restore(self, bindings: Iterable[tuple[str, Contact]]) -> None:
        """Take over bindings of an earlier start; listeners are not told."""
        for extension, contact in bindings:
            self._add(extension, contact)

    def rehome(self, usable: Callable[[Hop], Hop | None]) -> None:
        """Give restored bindings a way out again: `usable` says which hop serves for one, None: none does.

        Our own address may have changed with the restart; listeners are not told.
        """
        for bindings in self._bindings.values():
            for binding in bindings:
                hop = usable(binding.contact.hop)
                if hop is not None and hop != binding.contact.hop:
                    binding.contact = replace(binding.contact, hop=hop)

    def deadline(self) -> float | None:
        """Return when `tick` is due next, None if nothing expires."""
        return self._heap[0][0] if self._heap else None

    def tick(self, now: float) -> None:
        """Remove what has expired."""
        while self._heap and self._heap[0][0] <= now:
            _, _, binding = heapq.heappop(self._heap)
            if not binding.live:
                continue
            if binding.contact.expires_at > now:
                self._schedule(binding)
            else:
                self.remove(binding.extension, binding.contact, "expired")

    def _add(self, extension: str, contact: Contact) -> None:
        binding = _Binding(extension, contact, 0.0)
        self._bindings.setdefault(extension, []).append(binding)
        self._size += 1
        self._link(binding)
        self._schedule(binding)

    def _find(self, extension: str, contact: Contact | None) -> _Binding | None:
        for binding in self._bindings.get(extension, ()):
            if binding.contact is contact or binding.contact == contact:
                return binding
        return None

    def _take_out(self, binding: _Binding) -> None:
        binding.live = False
        bindings = self._bindings[binding.extension]
        bindings.remove(binding)
        if not bindings:
            del self._bindings[binding.extension]
        self._unlink(binding)
        self._size -= 1

    def _link(self, binding: _Binding) -> None:
        self._sources[binding.contact.source[0]] += 1
        if binding.contact.hop.connection:
            self._by_connection[binding.contact.hop.connection].add(binding)

    def _unlink(self, binding: _Binding) -> None:
        host, connection = binding.contact.source[0], binding.contact.hop.connection
        self._sources[host] -= 1
        if not self._sources[host]:
            del self._sources[host]
        if connection:
            self._by_connection[connection].discard(binding)
            if not self._by_connection[connection]:
                del self._by_connection[connection]

    def _schedule(self, binding: _Binding) -> None:
        binding.wakes_at = binding.contact.expires_at
        heapq.heappush(self._heap, (binding.wakes_at, next(self._order), binding))
        if len(self._heap) > 2 * self._size + _SPARE_ENTRIES:  # most are of bindings long removed
            self._heap = [entry for entry in self._heap if entry[2].live and entry[0] == entry[2].wakes_at]
            heapq.heapify(self._heap)

    def _tell(self, event: LocationEvent) -> None:
        for listener in self._listeners:
            listener(event)
