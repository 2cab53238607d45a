"""Receivers that come and go, a restart, little memory: every event arrives, those of a call in order."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.events.receiver import Receiver, receiving
from tests.events.test_webhooks import Call, Running, customer, running
from tests.store.waiting import until
from voipbin_sip.events.webhooks import Pace
from voipbin_sip.store.tables import deliveries

RECEIVERS = 3
STEPS = 150


@asynccontextmanager
async def flapping(receivers: list[Receiver], chance: random.Random) -> AsyncIterator[None]:
    """Let receivers come and go, fail and be slow; all are gone at the end."""
    over = asyncio.Event()

    async def flap(receiver: Receiver) -> None:
        while not over.is_set():
            receiver.status, receiver.delay = chance.choice([200, 200, 500]), chance.choice([0, 0, 0.01])
            async with receiving(receiver):
                await asyncio.sleep(0.2 * chance.random())
            await asyncio.sleep(chance.choice([0, 0.2]) * chance.random())

    tasks = [asyncio.create_task(flap(receiver)) for receiver in receivers]
    yield
    over.set()
    await asyncio.gather(*tasks)


async def happen(it: Running, chance: random.Random, made: dict[UUID, list[str]]) -> None:
    """Let things happen to calls; `made` gets the types of the events of each."""
    calls: list[Call] = []
    for step in range(STEPS):
        if not calls or chance.random() < 0.4:
            calls.append(it.history.begin(Call(), "call_created"))
            made[calls[-1].id].append("call_created")
        else:
            place = chance.randrange(len(calls))
            calls[place] = it.history.put(calls[place], f"call_{step}")
            made[calls[place].id].append(f"call_{step}")
        if chance.random() < 0.3:
            await asyncio.sleep(0.02 * chance.random())


@pytest.mark.parametrize("seed", range(2))
async def test_every_event_arrives_in_order(database: str, seed: int) -> None:
    chance = random.Random(seed)
    receivers = [Receiver() for _ in range(RECEIVERS)]
    for receiver in receivers:
        async with receiving(receiver):
            pass  # now its port is known
    pace = Pace(
        first_retry=0.02,
        longest_retry=0.08,
        database_retry=0.05,
        window=chance.choice([8, 20]),
        of_one=chance.choice([3, 7]),
        page=chance.choice([2, 5]),
    )
    targets, made = [customer(receiver) for receiver in receivers], defaultdict[UUID, list[str]](list)
    async with running(database, *targets, pace=pace) as it, flapping(receivers, chance):
        await happen(it, chance, made)
    async with running(database, *targets, pace=pace) as it, AsyncExitStack() as stack:
        async with flapping(receivers, chance):
            await happen(it, chance, made)
        for receiver in receivers:
            receiver.status, receiver.delay = 200, 0.0
            await stack.enter_async_context(receiving(receiver))
        async with asyncio.timeout(20):
            while await it.store.read(select(deliveries)) or it.store.waiting:  # noqa: ASYNC110 - a table
                await asyncio.sleep(0.02)
        await until(lambda: not it.webhooks._held)
    for receiver in receivers:
        came: dict[str, list[str]] = defaultdict(list)
        for event in receiver.taken:
            if event["type"] not in came[event["data"]["id"]]:
                came[event["data"]["id"]].append(event["type"])
        assert came == {str(id_): types for id_, types in made.items()}
