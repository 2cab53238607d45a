"""Webhooks: a real receiver, a real database, and receivers that misbehave."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import select

from tests.events.receiver import Receiver, receiving
from tests.resources.things import FAST
from tests.store.waiting import until
from voipbin_sip.events.delivery import Target, delivery_of
from voipbin_sip.events.event import Event
from voipbin_sip.events.webhooks import Pace, Webhooks
from voipbin_sip.resources.base import NO_UUID, Links, Resource
from voipbin_sip.resources.history import History
from voipbin_sip.resources.ledger import Ledger
from voipbin_sip.resources.stamps import Stamps
from voipbin_sip.store.store import Store
from voipbin_sip.store.tables import deliveries
from voipbin_sip.web.client import WebClient
from voipbin_sip.web.guard import HostGuard

QUICK = Pace(first_retry=0.02, longest_retry=0.1, database_retry=0.05)
SECRET = b"shared"


class Call(Resource):
    kind: ClassVar[str] = "call"
    name: str = ""
    activeflow_id: UUID = NO_UUID

    def links(self) -> Links:
        return Links(activeflow_id=self.activeflow_id)


@dataclass
class Running:
    history: History
    webhooks: Webhooks
    store: Store


@asynccontextmanager
async def running(
    database: str, *targets: Target, pace: Pace = QUICK, secret: bytes | None = SECRET
) -> AsyncIterator[Running]:
    store = Store(database, FAST)
    assert await store.open()
    ledger = Ledger(store, Stamps())
    web = WebClient(HostGuard(["127.0.0.1"]))

    def chosen(event: Event) -> Sequence[Target]:
        return targets

    webhooks = Webhooks(store, web, targets=chosen, secret=lambda _: secret, pace=pace)
    ledger.outbox = webhooks.outbox
    ledger.listen(webhooks.told)
    webhooks.start()
    try:
        yield Running(History(ledger), webhooks, store)
    finally:
        await webhooks.close()
        await web.close()
        await store.close()


def customer(receiver: Receiver) -> Target:
    return Target(uuid4(), "POST", receiver.uri)


async def test_an_event_arrives_signed_and_is_forgotten(database: str) -> None:
    async with receiving(Receiver()) as receiver, running(database, customer(receiver)) as it:
        call = it.history.begin(Call(name="é"), "call_created")
        await until(lambda: bool(receiver.requests))
        headers, body = receiver.requests[0]
        assert receiver.events == [{"type": "call_created", "data": call.public()}]
        assert headers["Content-Type"] == "application/json"
        digest = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        assert headers["X-VoIPBIN-Signature"] == f"sha256={digest}"
        assert headers["X-VoIPBIN-Event-Id"].isdigit()
        await until(lambda: not it.store.waiting)
        assert await it.store.read(select(deliveries)) == []


async def test_without_a_secret_there_is_no_signature(database: str) -> None:
    async with receiving(Receiver()) as receiver, running(database, customer(receiver), secret=None) as it:
        it.history.begin(Call(), "call_created")
        await until(lambda: bool(receiver.requests))
        assert "X-VoIPBIN-Signature" not in receiver.requests[0][0]


async def test_a_call_keeps_its_order_though_calls_overtake_each_other(database: str) -> None:
    receiver = Receiver(delay=0.01)
    async with receiving(receiver), running(database, customer(receiver)) as it:
        calls = [it.history.begin(Call(name=str(n)), "call_0") for n in range(10)]
        for step in range(1, 6):
            calls = [it.history.put(call, f"call_{step}") for call in calls]
        await until(lambda: len(receiver.requests) == 60)
        for call in calls:
            types = [event["type"] for event in receiver.events if event["data"]["id"] == str(call.id)]
            assert types == [f"call_{n}" for n in range(6)]


async def test_a_failing_event_holds_up_its_own_call_only(database: str) -> None:
    receiver = Receiver(refused={"call_bad"})
    async with receiving(receiver), running(database, customer(receiver)) as it:
        bad = it.history.begin(Call(), "call_bad", "call_after")
        for _ in range(5):
            it.history.begin(Call(), "call_good")
        await until(lambda: sum(e["type"] == "call_good" for e in receiver.events) == 5)
        await until(lambda: sum(e["type"] == "call_bad" for e in receiver.events) >= 3)
        assert "call_after" not in [event["type"] for event in receiver.events]
        attempts = [h["X-VoIPBIN-Attempt"] for h, b in receiver.requests if b"call_bad" in b]
        assert attempts[:3] == ["1", "2", "3"]
        ids = {h["X-VoIPBIN-Event-Id"] for h, b in receiver.requests if b"call_bad" in b}
        assert len(ids) == 1
        receiver.refused.clear()
        await until(lambda: receiver.events[-1]["type"] == "call_after")
        assert receiver.events[-1]["data"]["id"] == str(bad.id)


async def test_a_receiver_that_was_gone_gets_everything_when_it_is_back(database: str) -> None:
    receiver = Receiver()
    async with receiving(receiver):
        pass  # now the port is known, and nobody listens
    async with running(database, customer(receiver)) as it:
        call = it.history.begin(Call(), "call_0")
        for step in range(1, 30):
            call = it.history.put(call, f"call_{step}")
        await until(lambda: bool(it.webhooks.troubles()))
        (trouble,) = it.webhooks.troubles()
        assert trouble.startswith(f"{receiver.uri} takes nothing since 20")
        assert "30 events wait; the last fault: cannot be reached" in trouble
        async with receiving(receiver):
            await until(lambda: len(receiver.requests) >= 30)
            assert [event["type"] for event in receiver.events] == [f"call_{n}" for n in range(30)]
        await until(lambda: not it.webhooks.waiting)
        assert it.webhooks.troubles() == []


async def test_what_was_not_delivered_goes_on_after_a_restart(database: str) -> None:
    receiver = Receiver()
    async with receiving(receiver):
        pass
    target = customer(receiver)
    async with running(database, target) as it:
        it.history.begin(Call(), *(f"call_{n}" for n in range(5)))
        await asyncio.sleep(0.1)
    async with receiving(receiver), running(database, target):
        await until(lambda: len(receiver.requests) >= 5)
        assert [event["type"] for event in receiver.events] == [f"call_{n}" for n in range(5)]


async def test_a_window_in_memory_is_enough(database: str) -> None:
    receiver = Receiver(status=503)
    pace = Pace(first_retry=0.02, longest_retry=0.05, window=10, page=5)
    async with receiving(receiver), running(database, customer(receiver), pace=pace) as it:
        for number in range(200):
            it.history.begin(Call(name=str(number)), "call_created")
        await asyncio.sleep(0.3)
        assert len(it.webhooks._held) <= 10
        receiver.status = 200
        await until(lambda: len({event["data"]["name"] for event in receiver.taken}) == 200)
        await until(lambda: not it.webhooks._held and not it.store.waiting)
        assert await it.store.read(select(deliveries)) == []


async def test_after_a_day_an_event_is_given_up_kept_and_can_be_sent_again(database: str) -> None:
    receiver = Receiver(status=500)
    pace = Pace(first_retry=0.02, longest_retry=0.02, give_up=0.1)
    async with receiving(receiver), running(database, customer(receiver), pace=pace) as it:
        it.history.begin(Call(), "call_0", "call_1")
        await until(lambda: {e["type"] for e in receiver.events} == {"call_0", "call_1"})
        await until(lambda: not it.webhooks._held and not it.store.waiting)
        kept = [delivery_of(dict(row)) for row in await it.store.read(select(deliveries))]
        assert [delivery.dead for delivery in kept] == [True, True]
        assert kept[0].why == "status 500"
        receiver.status = 200
        it.webhooks.again(kept[0])
        it.webhooks.forget(kept[1])
        await until(lambda: not it.webhooks._held and not it.store.waiting)
        assert await it.store.read(select(deliveries)) == []


async def test_a_refusal_is_final_but_a_request_to_slow_down_is_not(database: str) -> None:
    receiver = Receiver(status=404)
    async with receiving(receiver), running(database, customer(receiver)) as it:
        it.history.begin(Call(), "call_refused")
        await until(lambda: not it.webhooks._held and bool(receiver.requests))
        receiver.status = 429
        it.history.begin(Call(), "call_slow")
        await until(lambda: len(receiver.requests) >= 4)  # the last of them may be answered 200 already
        receiver.status = 200
        await until(lambda: not it.webhooks._held)
        types = [event["type"] for event in receiver.events]
        assert types.count("call_refused") == 1
        assert types.count("call_slow") >= 3


async def test_one_receiver_hangs_and_the_other_one_does_not_notice(database: str) -> None:
    async with (
        receiving(Receiver(delay=30)) as slow,
        receiving(Receiver()) as quick,
        running(database, customer(slow), customer(quick)) as it,
    ):
        for _ in range(50):
            it.history.begin(Call(), "call_created")
        await until(lambda: len(quick.requests) == 50)
        assert len(slow.requests) <= 8


async def test_a_webhook_that_is_gone_for_long_leaves_room_for_the_others(database: str) -> None:
    gone = Receiver()
    async with receiving(gone):
        pass
    pace = Pace(first_retry=0.02, longest_retry=0.05, window=40, of_one=10, page=5)
    async with (
        receiving(Receiver()) as there,
        running(database, customer(gone), customer(there), pace=pace) as it,
    ):
        calls = [it.history.begin(Call(name=str(number)), "call_0") for number in range(100)]
        await until(lambda: len(there.requests) == 100)
        await until(lambda: 1 <= len(it.webhooks._held) <= 10)
        calls = [it.history.put(call, "call_1") for call in calls]
        await until(lambda: len(there.requests) == 200)
        async with receiving(gone):
            await until(lambda: len({h["X-VoIPBIN-Event-Id"] for h, _ in gone.requests}) == 200)
            for call in calls:
                types = [event["type"] for event in gone.events if event["data"]["id"] == str(call.id)]
                assert [type_ for type_, _ in groupby(types)] == ["call_0", "call_1"]
            await until(lambda: not it.webhooks._held and not it.store.waiting)
        assert await it.store.read(select(deliveries)) == []
