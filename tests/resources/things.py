"""A resource and a store for the tests of this folder."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from voipbin_sip.events.event import Event
from voipbin_sip.resources.base import NO_UUID, Links, Resource
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import Store
from voipbin_sip.store.write_behind import Pace

FAST = Pace(gather=0.001, retry=0.01, retry_most=0.02)
SLOW = Pace(gather=60)  # nothing is written before the end


class Thing(Resource):
    kind: ClassVar[str] = "thing"
    hidden: ClassVar[frozenset[str]] = frozenset({"secret"})

    name: str = ""
    secret: str = ""
    part_of: UUID = NO_UUID

    def links(self) -> Links:
        return Links(reference_id=self.part_of)


async def open_store(database: str, pace: Pace = FAST) -> Store:
    store = Store(database, pace)
    assert await store.open()
    return store


class Heard:
    """What a listener heard."""

    def __init__(self, ledger: Ledger) -> None:
        self.events: list[Event] = []
        ledger.listen(self.events.append)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]


def make_ledger(store: Store) -> tuple[Ledger, Heard]:
    ledger = Ledger(store, Stamps())
    return ledger, Heard(ledger)
