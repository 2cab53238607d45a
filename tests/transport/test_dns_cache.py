"""What is remembered of DNS, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.dns import FakeDns
from voipbin_sip.transport.dns_cache import CacheTerms, DnsCache
from voipbin_sip.transport.dns_records import DnsError


class World:
    def __init__(self, *, timeout: float = 3.0, terms: CacheTerms | None = None) -> None:
        self.now = 0.0
        self.dns = FakeDns()
        self.dns.a("a.test", "192.0.2.1")
        self.cache = DnsCache(self.dns, clock=lambda: self.now, timeout=timeout, terms=terms)

    async def ask(self, name: str = "a.test") -> tuple[object, ...]:
        return (await self.cache.lookup(name, "A")).records

    @property
    def asked(self) -> int:
        return self.dns.asked.total()


@pytest.mark.parametrize(("ttl", "lasts"), [(100.0, 100), (0.0, 5), (1e6, 3600), (None, 60)])
async def test_an_answer_holds_as_long_as_it_says(ttl: float | None, lasts: int) -> None:
    world = World()
    world.dns.ttl = ttl
    assert await world.ask() == await world.ask("A.Test.") == ("192.0.2.1",)
    world.now = lasts - 0.1
    await world.ask()
    assert world.asked == 1
    world.now = lasts + 0.1
    await world.ask()
    assert world.asked == 2


async def test_a_no_is_remembered_but_not_for_long() -> None:
    world = World()
    world.dns.ttl = 86_400
    for _ in range(5):
        assert await world.ask("none.test") == ()
    assert world.asked == 1
    world.now = 301
    world.dns.a("none.test", "192.0.2.9")
    assert await world.ask("none.test") == ("192.0.2.9",)


async def test_a_failure_is_not_asked_again_at_once() -> None:
    world = World()
    world.dns.broken = True
    for _ in range(5):
        with pytest.raises(DnsError):
            await world.ask()
    assert world.asked == 1
    world.dns.broken = False
    world.now = 11
    assert await world.ask() == ("192.0.2.1",)


async def test_in_an_outage_the_last_answer_serves() -> None:
    world = World()
    await world.ask()
    world.dns.broken = True
    world.now = 400
    for _ in range(5):
        assert await world.ask() == ("192.0.2.1",)
    assert world.asked == 2
    world.now = 400 + 3600
    with pytest.raises(DnsError):
        await world.ask()


async def test_a_prefetch_that_failed_does_not_hide_the_last_answer() -> None:
    world = World()
    await world.ask()
    world.dns.broken = True
    world.now = 400
    world.cache.prefetch("a.test", "A")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await world.ask() == ("192.0.2.1",)


async def test_the_same_question_is_asked_once() -> None:
    world = World()
    world.dns.silent = asyncio.Event()
    asking = [asyncio.create_task(world.ask()) for _ in range(50)]
    world.cache.prefetch("a.test", "A")
    await asyncio.sleep(0)
    world.dns.silent.set()
    assert set(await asyncio.gather(*asking)) == {("192.0.2.1",)}
    assert world.asked == 1


async def test_who_gives_up_waiting_leaves_the_answer_to_the_next() -> None:
    world = World(timeout=0.05)
    world.dns.silent = asyncio.Event()
    with pytest.raises(DnsError, match="in time"):
        await world.ask()
    cancelled = asyncio.create_task(world.ask())
    await asyncio.sleep(0)
    cancelled.cancel()
    world.dns.silent.set()
    assert await world.ask() == ("192.0.2.1",)
    assert world.asked == 1


async def test_memory_and_questions_are_bounded() -> None:
    world = World(terms=CacheTerms(capacity=10, in_flight=5))
    for number in range(50):
        await world.ask(f"n{number}.test")
    assert len(world.cache._entries) == 10
    world.dns.silent = asyncio.Event()
    waiting = [asyncio.create_task(world.ask(f"m{number}.test")) for number in range(20)]
    await asyncio.sleep(0.01)
    assert sum(task.done() for task in waiting) == 15
    world.dns.silent.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(result, DnsError) for result in results) == 15
