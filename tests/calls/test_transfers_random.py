"""Whatever phones do, in whatever order: nobody sits alone in a bridge or is forgotten, every REFER has an end."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.calls.exchange import Exchange, settle
from voipbin_sip.calls import transfers
from voipbin_sip.calls.session import CallSession

STEPS = 14


class Chaos:
    """Phones that call, transfer, take calls over and hang up at random; all of it from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.office = Exchange()
        self.steps: dict[CallSession, asyncio.Task[None]] = {}  # of those who have called by a flow
        self.asked: dict[CallSession, int] = {}  # how many REFERs each has sent
        self._names = iter(range(1, 10_000))

    def somebody(self) -> CallSession | None:
        there = list(self.office.calls.values())
        return self.chance.choice(there) if there else None

    def name(self) -> str:
        return f"p{next(self._names)}"

    def talk(self) -> None:
        caller, callee = self.office.phone(self.name()), self.office.phone(self.name(), called=True)
        self.office.bridges.connect(caller, callee)
        self.steps[caller] = asyncio.create_task(self.office.bridges.alone(caller))

    def refer(self) -> None:
        session, other = self.somebody(), self.somebody()
        if session is not None:
            self.asked[session] = self.asked.get(session, 0) + 1
            attended = other if self.chance.random() < 0.5 else None
            self.office.refer(session, self.chance.choice(("3", "3", "700", "999")), replaces=attended)

    def ring(self) -> None:
        waiting = [ring for ring in self.office.rings if not ring.outcome.done()]
        if waiting:
            ring = self.chance.choice(waiting)
            if self.chance.random() < 0.7:
                ring.answer(self.office.phone(self.name(), called=True))
            else:
                ring.fail(486)

    def take_over(self) -> None:
        old = self.somebody()
        if old is not None:
            self.office.places.take_over(self.office.new_call(self.name()), old.call.leg)

    def hang_up(self) -> None:
        session = self.somebody()
        if session is not None:
            self.office.end(session.call.leg)

    def stop_step(self) -> None:
        waiting = [caller for caller, step in self.steps.items() if not step.done()]
        if waiting:
            self.steps[self.chance.choice(waiting)].cancel()

    async def play(self) -> None:
        for _ in range(STEPS):
            doings = (
                self.talk,
                self.refer,
                self.refer,
                self.ring,
                self.take_over,
                self.hang_up,
                self.stop_step,
            )
            self.chance.choice(doings)()
            if self.chance.random() < 0.6:  # else the next thing happens at the same moment
                await settle()
        await settle()
        while any(not ring.outcome.done() for ring in self.office.rings):
            self.ring()
            await settle()
        await asyncio.sleep(0.005)
        await settle()


@pytest.mark.parametrize("block", range(6))
async def test_nobody_is_left_in_a_bridge(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(transfers, "BYE_SECONDS", 0.001)
    monkeypatch.setattr(transfers, "CANCEL_SECONDS", 0.0)
    for seed in range(50 * block, 50 * block + 50):
        chaos = Chaos(seed)
        await chaos.play()
        office = chaos.office
        elsewhere = {session for session, _ in (*office.diverted, *office.seated)}
        for session in office.calls.values():
            partner = office.bridges.partner(session)
            if partner is not None:
                assert office.bridges.partner(partner) is session, seed
                assert office.room(partner) is office.room(session) is not None, seed
                assert not partner.finished.is_set(), seed
            else:
                assert office.bridges.of(session) is None, seed
                free = session in elsewhere or (session in chaos.steps and chaos.steps[session].done())
                assert free, seed
        for session, count in chaos.asked.items():
            if session.call.leg in office.calls:
                assert [final for _, final in office.told(session)].count(True) == count, seed
        for step in chaos.steps.values():
            step.cancel()
