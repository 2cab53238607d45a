"""The guard's time, and what it remembers over a restart of the server."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.store.waiting import until
from voipbin_sip.calls.call import Address
from voipbin_sip.store.store import Store
from voipbin_sip.store.usage import record_usage, restore_usage
from voipbin_sip.store.write_behind import Pace
from voipbin_sip.toll.allowed import Allowed
from voipbin_sip.toll.guard import TollGuard
from voipbin_sip.toll.limits import CallLimits
from voipbin_sip.toll.metering import Metering, local_day
from voipbin_sip.toll.refused import Refused

THERE = Address("tel", "+4930123456")


class Server:
    """A guard with its store and its meter, by a clock that the test turns."""

    def __init__(self, database: str, day: str = "2026-11-22") -> None:
        self.now = 0.0
        self.day = day
        self.guard = TollGuard(
            Allowed(["+"]), lambda _: CallLimits(minutes_per_day=1), today=lambda: self.day
        )
        self.store = Store(database, Pace(gather=0.001))
        self.metering = Metering(self.guard, lambda: self.now, period=0.001)

    async def __aenter__(self) -> Server:
        assert await self.store.open()
        await restore_usage(self.store, self.guard, self.day)
        record_usage(self.store, self.guard)
        self.metering.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.metering.close()
        await self.store.close()


async def test_a_call_is_ended_in_time(database: str) -> None:
    async with Server(database) as server:
        permit = server.guard.begin("extension:1000", "", THERE, server.now)
        over: list[str] = []
        permit.over = over.append
        permit.answered(server.now)
        server.now = 59.0
        await asyncio.sleep(0.01)
        assert not over
        server.now = 60.0
        await until(lambda: over)


async def test_minutes_of_calls_that_ran_at_the_end_are_known_afterwards(database: str) -> None:
    async with Server(database) as server:
        server.guard.begin("extension:1000", "", THERE, server.now).answered(server.now)
        server.now = 60.0
    async with Server(database) as server:
        assert server.guard.used() == {"extension:1000": 60.0, "total": 60.0}
        with pytest.raises(Refused, match="1 minutes of today"):
            server.guard.begin("extension:1000", "", THERE, server.now)


async def test_other_days_are_forgotten(database: str) -> None:
    async with Server(database) as server:
        server.guard.begin("extension:1000", "", THERE, server.now).answered(server.now)
        server.now = 60.0
    async with Server(database, "2026-11-23") as server:
        assert not server.guard.used()
    async with Server(database) as server:
        assert not server.guard.used()


def test_a_day_is_a_date() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", local_day())
