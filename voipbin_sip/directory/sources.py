"""From which addresses calls come that need no password: who owns an address, the longest network first."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Sources(Generic[T]):
    """Owners by network. A look-up costs one dictionary access for each length of network in use."""

    def __init__(self, entries: Iterable[tuple[str, T]] = ()) -> None:
        """Take networks as `ipaddress` reads them, each with its owner; one network may have several."""
        self._by_length: dict[tuple[int, int], dict[int, list[T]]] = {}
        for text, owner in entries:
            network = ipaddress.ip_network(text, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            table = self._by_length.setdefault((network.version, shift), {})
            table.setdefault(int(network.network_address) >> shift, []).append(owner)
        self._shifts = sorted(self._by_length)  # small shifts are long networks

    def owners(self, host: str) -> list[T]:
        """Return who owns an address: the owners of the longest network first, then those of wider ones."""
        if not self._shifts:
            return []
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return []
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        found: list[T] = []
        for version, shift in self._shifts:
            if version == address.version:
                found += self._by_length[version, shift].get(int(address) >> shift, ())
        return found
