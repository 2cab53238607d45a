"""A DNS of made-up records: counts questions, can be slow, can fail."""

from __future__ import annotations

import asyncio
from collections import Counter

from voipbin_sip.transport.dns_records import Answer, DnsError, Kind, Naptr, Record, Srv


class FakeDns:
    """Implements `Lookup`. Names are in lower case."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, Kind], list[Record]] = {}
        self.asked: Counter[tuple[str, Kind]] = Counter()
        self.ttl: float | None = 300.0
        self.broken = False
        self.broken_kinds: set[Kind] = set()
        self.silent: asyncio.Event | None = None  # answers only once this is set

    def a(self, name: str, *addresses: str) -> None:
        for address in addresses:
            self.records.setdefault((name, "AAAA" if ":" in address else "A"), []).append(address)

    def srv(self, name: str, *records: tuple[int, int, int, str]) -> None:
        self.records[name, "SRV"] = [Srv(*record) for record in records]

    def naptr(self, name: str, *records: tuple[int, int, str, str, str]) -> None:
        self.records[name, "NAPTR"] = [
            Naptr(order, preference, flags, service, "", replacement)
            for order, preference, flags, service, replacement in records
        ]

    async def lookup(self, name: str, kind: Kind) -> Answer:
        self.asked[name, kind] += 1
        if self.silent is not None:
            await self.silent.wait()
        if self.broken or kind in self.broken_kinds:
            raise DnsError("server failure")
        return Answer(tuple(self.records.get((name, kind), ())), self.ttl)
